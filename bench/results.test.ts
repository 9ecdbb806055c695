// The arithmetic and the text of results, and what the command line accepts.
import { describe, expect, test } from 'vitest'
import { parseOptions, UsageError } from './options.ts'
import { tableOf, withSection, type Section } from './results.ts'
import { median } from './rounds.ts'

const runs = (...seconds: number[]) => seconds.map((one) => ({ seconds: one, cpuSeconds: one, peakRssBytes: 5e6, storedBytes: 2e6, othersCpuSeconds: one / 2 }))
const section = (heading: string, ...ours: number[]): Section => ({ heading, notes: ['What was measured.'], unit: 's', processors: 2, outcomes: [{ name: 'Howdah', runs: runs(...ours) }, { name: 'peer', runs: runs(6, 4, 5) }] })

describe('results', () => {
  test('the median of an odd count is the middle one, of an even count between two', () => {
    expect([median([9, 1, 3]), median([4, 1, 3, 2])]).toEqual([3, 2.5])
    expect(() => median([])).toThrow(RangeError)
  })
  test('a table has one row a contestant and its ratio to ours', () => {
    expect(tableOf(section('x', 2, 3, 1)).split('\n').slice(2)).toEqual(['| Howdah | 2.00 | 1.00–3.00 | 1.00× | 1.00× | 2.00 | 2.00 | 5 |', '| peer | 5.00 | 4.00–6.00 | 2.50× | 4.00× | 2.00 | 5.00 | 5 |'])
  })
  test('a section takes the place of the older one of its heading, and the others stay', () => {
    const both = withSection(withSection(undefined, section('a', 1)), section('b', 1))
    const again = withSection(both, section('a', 2))
    expect(again.match(/^## .*$/gm)).toEqual(['## a', '## b'])
    expect(again).toContain('took 25 % of its CPU')
    expect(again).toContain('| Howdah | 2.00 |')
    expect(withSection(again, section('a', 2))).toBe(again)
  })
})

describe('the command line', () => {
  test('says what each job measures by default', () => {
    expect(parseOptions(['full']).jobs).toEqual([{ job: 'full', data: 'mixed', sizeGb: 1.3, rounds: 5, caches: ['warm'] }])
    expect(parseOptions(['all']).jobs.map(({ job }) => job)).toEqual(['full', 'ssh', 'incremental', 'restore', 'wal'])
    expect(parseOptions(['restore']).jobs).toEqual([{ job: 'restore', data: 'pgbench', sizeGb: 4, rounds: 5, caches: ['warm', 'cold'] }])
    expect(parseOptions(['full', '--data', 'pgbench', '--cold', '--warm', '--size', '0.5']).jobs).toMatchObject([{ data: 'pgbench', sizeGb: 0.5, caches: ['warm', 'cold'] }])
  })
  test.each([[[]], [['nothing']], [['full', '--size', '0']], [['full', '--data', 'x']], [['full', '--major', '17']], [['full', '--fast']]])('refuses %j with a sentence', (args) => {
    expect(() => parseOptions(args)).toThrow(UsageError)
  })
})
