// What a save changes, in words.
import { expect, test } from 'vitest'
import { describeChanges, describeSettingChanges } from './change.ts'
import { countInWords, listInWords, momentInWords, sizeInWords, spanInWords } from './words.ts'

test('only labelled fields that differ are told, in the order of the labels', () => {
  const before = { name: 'nightly', comment: '', keepDays: 30 as number | null, slots: [1, 2], secret: 'a', isActive: false }
  const after = { ...before, comment: 'main', keepDays: null, slots: [1, 3], secret: 'b', isActive: true }
  expect(describeChanges(before, after, { isActive: 'Active', name: 'Name', comment: 'Comment', keepDays: { label: 'Keep', say: days => `${days} days` }, slots: { label: 'Slots', say: slots => slots.join('+') } })).toEqual([
    { field: 'Active', before: 'no', after: 'yes' },
    { field: 'Comment', before: 'none', after: 'main' },
    { field: 'Keep', before: '30 days', after: 'none' },
    { field: 'Slots', before: '1+2', after: '1+3' },
  ])
})

test('the order of keys in an object, null, absent and empty are no changes', () => {
  const labels = { place: 'Place', comment: 'Comment' }
  expect(describeChanges<{ place: object; comment: string | null }>({ place: { a: 1, b: 2 }, comment: null }, { place: { b: 2, a: 1 }, comment: '' }, labels)).toEqual([])
  expect(describeChanges<{ place: object; comment: string | null }>({ place: {} }, { place: {}, comment: null }, labels)).toEqual([])
})

test('settings are told by label, option and unit, and inherited where a scope says nothing [B13]', () => {
  expect(describeSettingChanges({ compression: 'best', checkTimeoutSeconds: null }, { compression: null, checkTimeoutSeconds: 45, fastCheckpoint: false, workers: 2 })).toEqual([
    { field: 'Compression', before: 'Best', after: 'inherited' },
    { field: 'Workers per backup', before: 'inherited', after: '2' },
    { field: 'Check timeout', before: 'inherited', after: '45 s' },
    { field: 'Fast checkpoint', before: 'inherited', after: 'no' },
  ])
})

test('sizes, spans, moments, counts and lists read well', () => {
  expect([0, 1, 1023, 1024, 1536, 150 * 1024, 41 * 1024 ** 3].map(sizeInWords)).toEqual(['0 B', '1 B', '1023 B', '1.0 KiB', '1.5 KiB', '150 KiB', '41.0 GiB'])
  expect([-1, 0, 59, 60, 3600, 3725, 90_000, 86_460].map(spanInWords)).toEqual(['0 s', '0 s', '59 s', '1 min', '1 h', '1 h 2 min', '1 d 1 h', '1 d'])
  expect([0, 1].map(momentInWords)).toEqual(['1970-01-01 00:00:00 UTC', '1970-01-01 00:00:00.001 UTC'])
  expect([countInWords(1, 'image'), countInWords(0, 'image'), countInWords(2, 'history', 'histories')]).toEqual(['1 image', '0 images', '2 histories'])
  expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(listInWords)).toEqual(['', 'a', 'a and b', 'a, b and c'])
})
