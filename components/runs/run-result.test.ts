/** What a run left behind reads the same whatever else its result holds. */
import { expect, test } from 'vitest'
import { resultLines, startCommandOf } from './run-result.ts'

test('a full tells its sizes and where its WAL lies [P9]', () => {
  const lines = resultLines({ imageId: 'x', level: 0, rawBytes: 1024, storedBytes: 512, files: 3, beginLsn: '0/2000028' })
  expect(lines.map(({ label, text }) => [label, text])).toEqual([
    ['Original size', '1 KiB'],
    ['Stored', '512 B'],
    ['Files', '3'],
    ['Begin LSN', '0/2000028'],
  ])
})

test('the last commit of a recovery is told like every other moment [K8]', () => {
  expect(resultLines({ lastCommitAt: '2026-11-30T22:47:11.523662Z' }).map(({ text }) => text)).toEqual(['2026-11-30 22:47:11.523662 UTC'])
  expect(resultLines({ lastCommitAt: null })).toEqual([])
})

test('what is not there, or is of another shape, is left out', () => {
  expect(resultLines(null)).toEqual([])
  expect(resultLines({ files: 'many', noChanges: false, target: '' })).toEqual([])
  expect(startCommandOf({ startCommand: 'pg_ctl start' })).toBe('pg_ctl start')
  expect(startCommandOf({})).toBeNull()
})
