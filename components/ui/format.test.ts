import { describe, expect, test } from 'vitest'
import {
  formatBytes, formatClock, formatDateTime, formatDuration, formatMoment, formatPercent, formatPlural, formatRate, formatRatio, formatRelative, formatUtc, zoneName,
} from './format.ts'

const winter = Date.UTC(2026, 10, 18, 13, 3, 22)
const summer = Date.UTC(2026, 6, 1, 0, 0, 0)

describe('sizes', () => {
  test.each([
    [0, '0 B'], [1, '1 B'], [1023, '1023 B'], [1024, '1 KiB'], [1536, '1.5 KiB'], [16 * 1024 ** 2, '16 MiB'], [14.2 * 1024 ** 3, '14.2 GiB'],
    [1024 ** 2 - 1, '1 MiB'], [1024 ** 4 * 999, '999 TiB'], [-2048, '−2 KiB'], [1.25 * 1024 ** 3, '1.25 GiB'], [100 * 1024, '100 KiB'], [Number.NaN, '–'],
  ])('%d bytes reads %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text))
  test('a bigint reads like a number', () => expect(formatBytes(2n ** 63n)).toBe('8 EiB'))
  test('a rate is a size a second', () => expect(formatRate(412 * 1024 ** 2)).toBe('412 MiB/s'))
  test('a ratio is original over stored', () => {
    expect(formatRatio(34, 10)).toBe('3.4 : 1')
    expect(formatRatio(34, 0)).toBe('–')
  })
})

describe('durations', () => {
  test.each([
    [0, '0 ms'], [320, '320 ms'], [999, '999 ms'], [1000, '1 s'], [1500, '1.5 s'], [9949, '9.9 s'], [14_000, '14 s'], [59_499, '59 s'], [59_600, '1 min'], [60_000, '1 min'],
    [664_000, '11 min 04 s'], [3_599_700, '1 h'], [4_800_000, '1 h 20 min'], [86_400_000, '1 d'], [86_400_000 * 3 + 3_600_000 * 4, '3 d 4 h'],
    [86_400_000 - 20_000, '1 d'], [-5000, '−5 s'], [Number.POSITIVE_INFINITY, '–'],
  ])('%d ms reads %s', (ms, text) => expect(formatDuration(ms)).toBe(text))
  test('a second unit never shows a full first one', () => {
    for (let ms = 0; ms < 3 * 86_400_000; ms += 7919) expect(formatDuration(ms)).not.toMatch(/\b60 (s|min)|\b24 h/)
  })
})

describe('moments', () => {
  test('the distance has one unit and a direction', () => {
    expect(formatRelative(winter - 5 * 60_000, winter)).toBe('5 min ago')
    expect(formatRelative(winter + 3 * 3_600_000, winter)).toBe('in 3 h')
    expect(formatRelative(winter, winter)).toBe('now')
    expect(formatRelative(winter - 86_400_000 * 1200, winter)).toBe('1,200 d ago')
  })
  test('the clock names its zone, in summer another one', () => {
    expect(formatClock(winter, 'Europe/Berlin')).toBe('14:03:22 CET')
    expect(zoneName(summer, 'Europe/Berlin')).toBe('CEST')
    expect(zoneName(winter, 'America/New_York')).toBe('EST')
    expect(zoneName(winter, 'Asia/Kathmandu')).toBe('UTC+5:45')
    expect(zoneName(winter, 'UTC')).toBe('UTC')
  })
  test('the full form carries weekday and year', () => expect(formatDateTime(winter, 'Europe/Berlin')).toBe('Wed 18 Nov 2026 14:03:22 CET'))
  test('September is three letters too', () => expect(formatDateTime(Date.UTC(2026, 8, 2), 'UTC')).toBe('Wed 2 Sep 2026 00:00:00 UTC'))
  test('midnight is 00, not 24', () => expect(formatClock(summer, 'UTC')).toBe('00:00:00 UTC'))
  test('today needs no date and another year needs its year', () => {
    expect(formatMoment(winter, winter + 1000, 'Europe/Berlin')).toBe('14:03:22 CET')
    expect(formatMoment(winter, winter + 86_400_000, 'Europe/Berlin')).toBe('18 Nov 14:03 CET')
    expect(formatMoment(winter, winter + 90 * 86_400_000, 'Europe/Berlin')).toBe('18 Nov 2026 14:03 CET')
  })
  test('today is decided in the zone shown', () =>
    expect(formatMoment(Date.UTC(2026, 10, 18, 23, 30), Date.UTC(2026, 10, 19, 1), 'Europe/Berlin')).toBe('00:30:00 CET'))
  test('UTC is written out', () => expect(formatUtc(winter)).toBe('2026-11-18 13:03:22 UTC'))
})

describe('counts', () => {
  test('percent is 100 only when all is done and 0 only when nothing is', () => {
    expect(formatPercent(0.999)).toBe('99 %')
    expect(formatPercent(0.001)).toBe('1 %')
    expect(formatPercent(1)).toBe('100 %')
    expect(formatPercent(0)).toBe('0 %')
    expect(formatPercent(0.614)).toBe('61 %')
  })
  test('the plural follows the number', () => {
    expect(formatPlural(1, 'image')).toBe('1 image')
    expect(formatPlural(3, 'image')).toBe('3 images')
    expect(formatPlural(0, 'entry', 'entries')).toBe('0 entries')
  })
})
