import { expect, test } from 'vitest'
import { fromGib, roomBytes, roomText, spaceText, toGib } from './storage-state.ts'

const gib = 1024 ** 3

test('the room for backups honours both what must stay free and the quota [H1]', () => {
  const disk = { totalBytes: 100 * gib, freeBytes: 60 * gib, usedBytes: 30 * gib, keepFreeBytes: 10 * gib, quotaBytes: null, state: 'ok' as const }
  expect(roomBytes(disk)).toBe(50 * gib)
  expect(roomBytes({ ...disk, quotaBytes: 40 * gib })).toBe(10 * gib)
  expect(roomBytes({ ...disk, quotaBytes: 20 * gib })).toBe(0)
  expect(roomBytes({ ...disk, keepFreeBytes: 70 * gib })).toBe(0)
  expect(roomBytes({ ...disk, freeBytes: null })).toBe(null)
})
test('space reads in binary units', () => {
  expect(spaceText({ freeBytes: 412 * gib, totalBytes: 931 * gib, state: 'ok' })).toBe('412 GiB free of 931 GiB')
  expect(spaceText({ freeBytes: null, totalBytes: null, state: 'untested' })).toBe('not known before the first test')
  expect(spaceText({ freeBytes: null, totalBytes: null, state: 'ok' })).toBe('no quota is set')
  expect(roomText({ freeBytes: null, state: 'ok' })).toBe('no quota')
})
test('a size typed in GiB comes back as typed', () => {
  for (const typed of [0, 0.5, 1, 2.125, 931.512]) expect(toGib(fromGib(typed))).toBe(typed)
})
