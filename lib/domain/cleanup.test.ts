// CLEANUPWAL, REMOVE-FULL-WAL and REMOVE-INCREMENTAL-WAL: each does what it says, in every combination.
import { expect, test } from 'vitest'
import { lsn } from '#lib/postgres/lsn.ts'
import { leaves, mayLeave, type CleanupMoment } from './cleanup.ts'

const full: CleanupMoment = { after: 'full', beginLsn: lsn(500n), earlierEndLsn: lsn(300n) }
const first: CleanupMoment = { after: 'full', beginLsn: lsn(500n), earlierEndLsn: null }
const cases = [
  { cleanupWal: false, removeFullWal: true, removeIncrementalWal: true, wanted: [null, null, null, null] },
  { cleanupWal: false, removeFullWal: false, removeIncrementalWal: false, wanted: [null, null, null, null] },
  { cleanupWal: true, removeFullWal: true, removeIncrementalWal: true, wanted: ['all', 'all', 'all', 'all'] },
  { cleanupWal: true, removeFullWal: true, removeIncrementalWal: false, wanted: [500n, 500n, null, null] },
  { cleanupWal: true, removeFullWal: false, removeIncrementalWal: true, wanted: [300n, null, 'all', 'all'] },
  { cleanupWal: true, removeFullWal: false, removeIncrementalWal: false, wanted: [300n, null, null, null] },
]

test.each(cases)('cleanup $cleanupWal, after fulls $removeFullWal, after incrementals $removeIncrementalWal [F2] [M7]', ({ wanted, ...settings }) => {
  expect([full, first, { after: 'incremental' } as const, { after: 'collection' } as const].map((moment) => mayLeave(settings, moment))).toEqual(wanted)
})

test('newer segments and history files stay where only what is older may leave [F3]', () => {
  expect([lsn(499n), lsn(500n), lsn(501n), null].map((end) => leaves(lsn(500n), end))).toEqual([true, true, false, false])
  expect([lsn(501n), null].map((end) => leaves('all', end))).toEqual([true, true])
  expect(leaves(null, lsn(1n))).toBe(false)
})
