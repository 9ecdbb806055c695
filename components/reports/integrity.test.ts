/** What a report may say of an image's integrity. */
import { expect, test } from 'vitest'
import type { RunSummary } from '#lib/contract/shapes.ts'
import { countStates, integrityOf, shownRows, type IntegrityRow } from './integrity.ts'

const run = (state: RunSummary['state'], endedAt: string | null): RunSummary => ({
  id: 'r', groupId: 'g', kind: 'verify', state, phase: null, level: null, hostId: null, hostName: null, sourceId: null, sourceName: null, storageId: null, imageId: 'i', doneBytes: 0, totalBytes: null, storedBytes: 0,
  rateBytesPerSecond: null, secondsLeft: null, problem: null, attempt: 1, createdAt: '2026-11-18T00:00:00Z', startedAt: null, endedAt, heartbeatAt: null,
})
const image = (change: Partial<IntegrityRow>): IntegrityRow => ({ imageId: 'i', sourceName: 'shop-db', setName: 'nightly', level: 0, endAt: '2026-11-17T23:30:00Z', storedBytes: 1, verifiedAt: null, verifyProblem: null, lastRun: null, ...change })
const noon = '2026-11-18T12:00:00Z'
const later = '2026-11-18T13:00:00Z'

test('nothing is verified by default, and what a verification found is what is said [P10] [J2]', () => {
  expect(integrityOf(image({}))).toBe('never')
  expect(integrityOf(image({ verifiedAt: noon, lastRun: run('succeeded', noon) }))).toBe('verified')
  expect(integrityOf(image({ verifiedAt: noon, verifyProblem: 'data-1.000.tar.zst differs', lastRun: run('failed', later) }))).toBe('damaged')
  expect(integrityOf(image({ verifyProblem: 'data-1.000.tar.zst differs', lastRun: run('running', null) }))).toBe('running')
})

test('a verification that could not finish is not a good one, unless a later one was [P10] [J2]', () => {
  expect(integrityOf(image({ verifiedAt: noon, lastRun: run('failed', later) }))).toBe('unfinished')
  expect(integrityOf(image({ lastRun: run('cancelled', later) }))).toBe('unfinished')
  expect(integrityOf(image({ verifiedAt: later, lastRun: run('failed', noon) }))).toBe('verified')
})

test('filters count and show the same rows, days in the zone of the page [P10]', () => {
  const rows = [image({}), image({ verifiedAt: noon }), image({ verifiedAt: noon, endAt: '2026-11-18T09:00:00Z' })]
  expect(countStates(rows)).toEqual({ damaged: 0, running: 0, unfinished: 0, never: 1, verified: 2 })
  expect(shownRows(rows, { state: 'verified', day: null }, 'UTC')).toHaveLength(2)
  expect(shownRows(rows, { state: 'verified', day: '2026-11-18' }, 'UTC')).toHaveLength(1)
  expect(shownRows(rows, { state: null, day: '2026-11-18' }, 'Europe/Berlin')).toHaveLength(3)
})
