// Recovery targets as settings for 12+ and as recovery.conf before.
import { expect, test } from 'vitest'
import { parseLsn } from './lsn.ts'
import { inServerOrder, recoveryFiles, type RecoveryRequest, recoverySettings, type RecoveryTarget, recoveryTime } from './recovery.ts'

const request = (target: RecoveryTarget, more: Partial<RecoveryRequest> = {}): RecoveryRequest => ({
  target, isInclusive: true, timeline: 'latest', action: 'promote', restoreCommand: `cp '/srv/it''s'/%f "%p"`, ...more,
})
const TARGETS: [RecoveryTarget, string | null, string | null][] = [
  [{ kind: 'latest' }, null, null],
  [{ kind: 'immediate' }, 'recovery_target', 'immediate'],
  [{ kind: 'time', time: '2026-03-12T11:30:00.123456+01:00' }, 'recovery_target_time', '2026-03-12 10:30:00.123456+00'],
  [{ kind: 'lsn', lsn: parseLsn('3/A1F0') }, 'recovery_target_lsn', '3/A1F0'],
  [{ kind: 'xid', xid: 4_000_000_000 }, 'recovery_target_xid', '4000000000'],
  [{ kind: 'name', name: "before the 'big' import" }, 'recovery_target_name', "before the 'big' import"],
]

test.each(TARGETS)('target %o sets exactly one target and clears the others [K4] [M22]', (target, name, value) => {
  const settings = recoverySettings(request(target))
  const targets = settings.filter((setting) => /^recovery_target(_time|_lsn|_xid|_name)?$/.test(setting.name))
  expect(targets).toHaveLength(5)
  expect(targets.filter((setting) => setting.value !== '')).toEqual(name === null ? [] : [{ name, value }])
  expect(new Set(settings.map((setting) => setting.name)).size).toBe(settings.length)
  const has = (wanted: string) => settings.some((setting) => setting.name === wanted)
  expect(has('recovery_target_action')).toBe(target.kind !== 'latest')
  expect(has('recovery_target_inclusive')).toBe(['time', 'lsn', 'xid'].includes(target.kind))
})

test.each(TARGETS)('target %o comes behind the targets it empties, in whatever order a store keeps the settings [K4] [K6]', (target, name) => {
  // As PostgreSQL's jsonb turns keys: shorter ones first, then by their letters.
  const stored = Object.fromEntries(recoverySettings(request(target)).map((setting) => [setting.name, setting.value] as const).toSorted(([a], [b]) => a.length - b.length || (a < b ? -1 : 1)))
  const names = inServerOrder(stored).map((setting) => setting.name)
  expect(names.toSorted()).toEqual(Object.keys(stored).toSorted())
  const emptied = Object.keys(stored).filter((key) => stored[key] === '')
  if (name !== null) expect(Math.max(...emptied.map((key) => names.indexOf(key)))).toBeLessThan(names.indexOf(name))
})

test('inclusive, timeline and action are written as asked [K4]', () => {
  const settings = recoverySettings(request({ kind: 'xid', xid: 800 }, { isInclusive: false, timeline: 3, action: 'pause' }))
  expect(Object.fromEntries(settings.map(({ name, value }) => [name, value]))).toMatchObject({
    recovery_target_inclusive: 'off', recovery_target_timeline: '3', recovery_target_action: 'pause', recovery_target_xid: '800',
  })
})

test('from 12 on the settings go beside recovery.signal, before into recovery.conf [M22]', () => {
  const asked = request({ kind: 'lsn', lsn: parseLsn('0/5000028') }, { timeline: 'current', action: 'shutdown' })
  expect(recoveryFiles(12, asked)).toEqual({ form: 'signal', signalFile: 'recovery.signal', settings: recoverySettings(asked) })
  expect(recoveryFiles(11, asked)).toEqual({
    form: 'recovery.conf',
    text: `restore_command = 'cp ''/srv/it''''s''/%f "%p"'\nrecovery_target_lsn = '0/5000028'\nrecovery_target_action = 'shutdown'\nrecovery_target_inclusive = 'on'\n`,
  })
})

test('recovery.conf names the latest timeline, which was not the default then', () => {
  const files = recoveryFiles(9.6, request({ kind: 'latest' }))
  expect(files.form === 'recovery.conf' && files.text).toContain("recovery_target_timeline = 'latest'\n")
})

test('what PostgreSQL would refuse is refused before it starts', () => {
  expect(() => recoveryFiles(9.6, request({ kind: 'lsn', lsn: parseLsn('0/1') }))).toThrow('WAL position')
  expect(() => recoveryFiles(9.5, request({ kind: 'latest' }))).toThrow('9.6')
  for (const target of [{ kind: 'name', name: '' }, { kind: 'name', name: 'é'.repeat(32) }, { kind: 'xid', xid: 2 }, { kind: 'xid', xid: 2 ** 32 }, { kind: 'time', time: '2026-03-12 10:00' }] as const) {
    expect(() => recoverySettings(request(target))).toThrow(RangeError)
  }
  for (const timeline of [0, 1.5, -1]) expect(() => recoverySettings(request({ kind: 'latest' }, { timeline }))).toThrow(RangeError)
})

test.each([
  ['2026-03-12T10:00:00Z', '2026-03-12 10:00:00+00'],
  ['2026-03-12T10:00:00.5Z', '2026-03-12 10:00:00.5+00'],
  ['2026-01-01T00:30:00.000001+02:00', '2025-12-31 22:30:00.000001+00'],
  ['2026-03-12T10:00:00.123456789Z', '2026-03-12 10:00:00.123456+00'],
])('%s is written as %s', (iso, expected) => {
  expect(recoveryTime(iso)).toBe(expected)
})
