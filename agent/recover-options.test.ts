// The command line of `recover`: what people write, and what they are told when it is wrong.
import { describe, expect, test } from 'vitest'
import { ProblemError } from '#lib/domain/problem.ts'
import { dateOf, isoMoment, parseOptions, targetOf } from './recover-options.ts'

const refusal = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    if (error instanceof ProblemError) return `${error.problem.code}: ${error.problem.message} ${error.problem.hint ?? ''}`
    throw error
  }
  throw new Error('It was taken.')
}

describe('targets', () => {
  test('every kind of target is understood as it is written [K14] [K1]', () => {
    expect(targetOf('latest', true).planned).toEqual({ kind: 'latest' })
    expect(targetOf('immediate', true).planned).toEqual({ kind: 'immediate' })
    expect(targetOf('lsn:3/A1F0', false)).toMatchObject({ planned: { kind: 'lsn', lsn: 0x3_0000_a1f0n, inclusive: false }, isInclusive: false })
    expect(targetOf('xid:7431', true)).toMatchObject({ planned: { kind: 'xid', xid: '7431' }, asked: { xid: 7431 } })
    expect(targetOf('name:before: release', true).planned).toEqual({ kind: 'name', name: 'before: release' })
    expect(targetOf('2026-11-18T14:03:22.123456+01:00', true)).toMatchObject({ planned: { kind: 'time', at: Date.parse('2026-11-18T13:03:22.123Z') }, asked: { kind: 'time', time: '2026-11-18T14:03:22.123456+01:00' } })
  })

  test.each([
    ['2026-11-18T14:03:22+01:00', '2026-11-18T14:03:22+01:00'], ['2026-11-18 14:03:22+01', '2026-11-18T14:03:22+01:00'], ['2026-11-18 14:03:22 +0530', '2026-11-18T14:03:22+05:30'],
    ['2026-11-18 14:03 UTC', '2026-11-18T14:03:00Z'], ['2026-11-18T14:03:22z', '2026-11-18T14:03:22Z'], ['2026-11-18T14:03:22', null], ['2026-13-18T14:03:22Z', null], ['yesterday', null],
  ])('%s is the moment %s', (text, moment) => {
    expect(isoMoment(text)).toBe(moment)
  })

  test.each([
    ['2026-11-18T14:03:22', 'does not say its time zone'], ['lsn:nowhere', 'nowhere'], ['xid:2', 'not the id of a transaction'], ['xid:abc', 'not the id of a transaction'], ['soon', '"soon" is no target'],
  ])('%s is refused with what is wrong and how it is written', (text, said) => {
    expect(refusal(() => targetOf(text, true))).toContain(said)
    expect(refusal(() => targetOf(text, true))).toMatch(/^invalid-input: .* (Write|Transaction ids)/)
  })
})

describe('options', () => {
  test('a whole command [K14]', () => {
    const options = parseOptions(['--from', '/vault', '--set', 'nightly', '--source', 'main', '--to', 'latest', '--destination', '/restore', '--tablespace', '16401=/fast/a b', '--tablespace', '16402=/slow', '--key', '/k', '--without', 'x', '--workers', '4'])
    expect(options).toMatchObject({ does: 'restore', set: 'nightly', source: 'main', destination: '/restore', tablespaces: { 16401: '/fast/a b', 16402: '/slow' }, keyFiles: ['/k'], workers: 4, timeline: 'latest', only: null, isFilesOnly: false, isDelta: false, action: 'promote' })
    expect(options.without).toEqual(new Set(['x']))
  })

  test('what is asked for decides what is done', () => {
    expect(parseOptions([]).does).toBe('ask')
    expect(parseOptions(['--from', '/vault']).does).toBe('ask')
    expect(parseOptions(['--list']).does).toBe('list')
    expect(parseOptions(['--dry-run', '--destination', '/x']).does).toBe('plan')
    expect(parseOptions(['-h']).does).toBe('help')
  })

  test.each([
    [['--frm', '/vault'], '--frm'], [['--tablespace', 'fast=/x'], 'OID=DIRECTORY'], [['--workers', '0'], 'from 1 to 32'], [['--action', 'explode'], 'promote'], [['--only', 'wal'], 'data, archive'], [['--to', 'latest'], '--destination is missing'], [['somewhere'], 'somewhere'],
  ])('%j is wrong usage', (args, said) => {
    expect(refusal(() => parseOptions(args))).toMatch(/^invalid-input/)
    expect(refusal(() => parseOptions(args))).toContain(said)
  })
})

describe('dates of amrecover', () => {
  test('a day means its end by the clock of this machine, and may be later than the last WAL [K14]', () => {
    expect(dateOf('2026-11-18')).toMatchObject({ allowLatest: true, target: { planned: { kind: 'time', at: new Date(2026, 10, 18, 23, 59, 59, 999).getTime() } } })
    expect(dateOf('2026-11-18-14-03-22')).toMatchObject({ allowLatest: false, target: { planned: { at: new Date(2026, 10, 18, 14, 3, 22).getTime() } } })
    expect(dateOf('2026-11-18-14-03')).toMatchObject({ target: { planned: { at: new Date(2026, 10, 18, 14, 3).getTime() } } })
    expect(dateOf('lsn:1/2')).toMatchObject({ target: { planned: { kind: 'lsn' } } })
  })

  test('a day that is not in the calendar is refused', () => {
    expect(refusal(() => dateOf('2026-02-30'))).toContain('no day of the calendar')
  })
})
