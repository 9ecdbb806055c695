// Backlog is what is not in storage, not the time since the last segment.
import { expect, test } from 'vitest'
import { lsn } from '#lib/postgres/lsn.ts'
import { backlogOf } from './backlog.ts'

const MB16 = 16 * 1024 * 1024
const before = { backlogBytes: 0, backlogSince: null, newestEnd: null }
const at = (bytes: number) => lsn(BigInt(bytes))

test('a quiet server has no backlog, however old its last segment [F8]', () => {
  expect(backlogOf({ currentLsn: at(2 * MB16 + 40), segmentSizeBytes: MB16, newest: { endLsn: at(2 * MB16), completedAt: 0 }, before, now: 1e12 })).toEqual({ backlogBytes: 0, backlogSince: null })
})

test('bytes after the newest stored segment are backlog since they were first seen [F8]', () => {
  const newest = { endLsn: at(2 * MB16), completedAt: 100 }
  const first = backlogOf({ currentLsn: at(2 * MB16 + 5000), segmentSizeBytes: MB16, newest, before, now: 1000 })
  expect(first).toEqual({ backlogBytes: 5000, backlogSince: 1000 })
  expect(backlogOf({ currentLsn: at(3 * MB16), segmentSizeBytes: MB16, newest, before: { ...first, newestEnd: newest.endLsn }, now: 2000 })).toEqual({ backlogBytes: MB16, backlogSince: 1000 })
})

test('a segment that arrives makes the backlog younger: the rest was written after it was finished [F8]', () => {
  const newest = { endLsn: at(3 * MB16), completedAt: 1500 }
  expect(backlogOf({ currentLsn: at(3 * MB16 + 9000), segmentSizeBytes: MB16, newest, before: { backlogBytes: MB16, backlogSince: 1000, newestEnd: at(2 * MB16) }, now: 2000 })).toEqual({ backlogBytes: 9000, backlogSince: 1500 })
})

test('with nothing stored yet only the segment being written counts [F8]', () => {
  expect(backlogOf({ currentLsn: at(7 * MB16 + 700), segmentSizeBytes: MB16, newest: null, before, now: 5 })).toEqual({ backlogBytes: 700, backlogSince: 5 })
})
