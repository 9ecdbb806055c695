// backup_label and tablespace_map of real servers of every major, and the escaping of odd paths.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatTablespaceMap, parseBackupLabel, parseTablespaceMap, withIncrementalFrom } from './backup-label.ts'
import samples from './fixtures/servers.json' with { type: 'json' }
import { formatLsn, parseLsn } from './lsn.ts'
import { segmentName } from './wal.ts'

const majorOf = (version: string): number => Number(version.split('.')[0])

test.each(samples)('the label $version gives is read [D2]', ({ backup, running }) => {
  const label = parseBackupLabel(backup.labelFile)
  expect(formatLsn(label.startLsn)).toBe(backup.startLsn)
  expect(label.startSegment).toBe(segmentName(1, label.startLsn, Number(running.init.bytes_per_wal_segment)))
  expect(label.checkpointLsn > label.startLsn && label.checkpointLsn < parseLsn(backup.stopLsn)).toBe(true)
  expect(label).toMatchObject({ method: 'streamed', from: 'primary', label: 'nightly "full": 100% é', startTimeline: 1, incrementalFrom: null })
  expect(label.startTime).toMatch(/^2026-\d\d-\d\d \d\d:\d\d:\d\d UTC$/)
})

test.each(samples)('the tablespace map of $version reads to the true locations and writes back byte for byte [D11] [M16]', ({ version, backup }) => {
  const map = parseTablespaceMap(backup.tablespaceMapFile, majorOf(version))
  expect(map.toSorted((a, b) => a.oid - b.oid)).toEqual(backup.tablespaces.toSorted((a, b) => a.oid - b.oid))
  expect(map.some(({ location }) => location.includes('\\'))).toBe(true)
  expect(formatTablespaceMap(map, majorOf(version))).toBe(backup.tablespaceMapFile)
})

test('an incremental label names the backup it needs', () => {
  const text = withIncrementalFrom(samples[5]?.backup.labelFile ?? '', { lsn: parseLsn('3/A1F0'), timeline: 2 })
  expect(text.endsWith('START TIMELINE: 1\nINCREMENTAL FROM LSN: 3/A1F0\nINCREMENTAL FROM TLI: 2\n')).toBe(true)
  expect(parseBackupLabel(text).incrementalFrom).toEqual({ lsn: parseLsn('3/A1F0'), timeline: 2 })
})

test('a label from a standby, and a label that looks like a line, are read', () => {
  const text = (samples[6]?.backup.labelFile ?? '').replace('FROM: primary', 'FROM: standby').replace(/LABEL: .*/, 'LABEL: START TIMELINE: 9')
  expect(parseBackupLabel(text)).toMatchObject({ from: 'standby', label: 'START TIMELINE: 9', startTimeline: 1 })
})

test.each(['START WAL LOCATION', 'CHECKPOINT LOCATION', 'BACKUP METHOD', 'BACKUP FROM', 'START TIME', 'LABEL', 'START TIMELINE'])(
  'a label without %s is refused by that name',
  (name) => {
    const text = (samples[6]?.backup.labelFile ?? '').replace(`${name}:`, 'SOMETHING ELSE:')
    expect(() => parseBackupLabel(text)).toThrow(name)
  },
)

test('unreadable values of a label are refused', () => {
  const good = samples[6]?.backup.labelFile ?? ''
  for (const [from, to] of [[/\(file .*\)/, ''], [/FROM: primary/, 'FROM: constructor'], [/TIMELINE: 1/, 'TIMELINE: x']] as const) {
    expect(() => parseBackupLabel(good.replace(from, to))).toThrow(RangeError)
  }
})

const paths = fc.stringMatching(/^\/[a \\\n\réß%"']{0,12}[a-z]$/)
test.each([13, 14, 18])('any location survives a tablespace map of %d', (major) => {
  // Up to 13 a backslash right before a line break is ambiguous in PostgreSQL's own format.
  const usable = paths.filter((path) => major >= 14 || !/\\[\n\r]/.test(path))
  fc.assert(
    fc.property(fc.array(fc.record({ oid: fc.integer({ min: 16384, max: 0xffff_ffff }), location: usable }), { maxLength: 4 }), (map) => {
      expect(parseTablespaceMap(formatTablespaceMap(map, major), major)).toEqual(map)
    }),
  )
})

test('a tablespace map line without oid is refused', () => {
  expect(() => parseTablespaceMap('/srv/data\n', 17)).toThrow(RangeError)
  expect(parseTablespaceMap('', 17)).toEqual([])
})
