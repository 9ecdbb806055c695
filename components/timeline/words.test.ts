import { expect, test } from 'vitest'
import type { Lane } from './geometry.ts'
import { gapWords, momentWords, nearestChoices, summaryWords } from './words.ts'

const at = (hour: number, minute = 0) => Date.UTC(2026, 10, 18, hour, minute)
const lane: Lane = {
  timeline: 2,
  intervals: [{ from: at(2), to: at(9) }, { from: at(11), to: at(13) }],
  gaps: [{ from: at(9), to: at(11), segments: ['0000000200000003000000A1'] }],
  images: [{ id: 'a', at: at(2), beginAt: at(1), endAt: at(2), level: 0, sizeBytes: 1024 }],
  drills: [],
}

test('a reachable moment says from which full [K2]', () => expect(momentWords(at(8), lane, 'UTC')).toBe('Wed 18 Nov 2026 08:00:00 UTC, timeline 2: recoverable, newest full before it Wed 18 Nov 2026 02:00:00 UTC'))
test('an unreachable one says why and where the nearest are [K2]', () => {
  expect(momentWords(at(10), lane, 'UTC')).toContain('not recoverable. Missing WAL segment 0000000200000003000000A1.')
  expect(nearestChoices(at(10), lane)).toEqual([{ at: at(9), side: 'before' }, { at: at(11), side: 'after' }])
  expect(nearestChoices(at(8), lane)).toEqual([])
})
test('a moment inside a full says that the full restores only moments after its end [K2]', () => expect(momentWords(at(1, 30), lane, 'UTC')).toContain('it restores moments after its end only'))
test('of many segments the first three are named and the others counted', () => expect(gapWords({ from: 0, to: 1, segments: ['A', 'B', 'C', 'D'] })).toBe('Missing WAL segments A, B, C and 1 more'))
test('the summary names both ends and the gaps', () => {
  expect(summaryWords({ begin: 0, end: at(14), now: at(13, 2), lanes: [lane] }, 'UTC')).toBe('Recoverable from 02:00:00 UTC to 2 min ago, 1 gap')
  expect(summaryWords({ begin: 0, end: at(14), now: at(13), lanes: [] }, 'UTC')).toBe('Not recoverable: no full backup with its WAL is stored')
})
