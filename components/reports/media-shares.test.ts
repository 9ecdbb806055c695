/** Room on a device and when images go. */
import { expect, test } from 'vitest'
import type { Media } from '#lib/contract/storages.ts'
import { expiryRows, goingOf, sharesOf } from './media-shares.ts'

const day = 86_400_000
const now = Date.parse('2026-11-18T12:00:00Z')
const image = (imageId: string, level: number, storedBytes: number, change: Partial<Media['images'][number]> = {}): Media['images'][number] => ({ imageId, sourceName: 'shop-db', setName: 'nightly', level, path: '', volumes: [], storedBytes, writtenAt: '', verifiedAt: null, isHeld: false, expiresNext: false, ...change })
const wal = (sourceId: string, files: number, storedBytes: number): Media['wal'][number] => ({ sourceId, sourceName: '', timeline: 1, files, firstName: '', lastName: '', storedBytes, lastStoredAt: '' })

test('each stored byte is counted once: the WAL of an incremental stands under WAL [P10] [J3]', () => {
  const media: Media = { images: [image('f', 0, 1000), image('i', 1, 300), image('other', 0, 50, { sourceName: 'crm' })], wal: [wal('s1', 20, 400), wal('s1', 5, 100)] }
  const shares = sharesOf(media, [{ id: 's1', name: 'shop-db', setName: 'nightly' }, { id: 's2', name: 'crm', setName: 'nightly' }, { id: 's3', name: 'new', setName: 'nightly' }])
  expect(shares.map(({ sourceName, fulls, incrementals, imageBytes, walFiles, walBytes, totalBytes }) => [sourceName, fulls, incrementals, imageBytes, walFiles, walBytes, totalBytes])).toEqual([
    ['shop-db', 1, 1, 1000, 25, 500, 1500],
    ['crm', 1, 0, 50, 0, 0, 50],
  ])
})

test('an image goes with the next expiry, not before its days are over, by replacement, or never [P10]', () => {
  const rule = (keepDays: number | null, keepFulls: number | null) => ({ keepDays, keepFulls, minimumFulls: 1 })
  const of = { endAt: now - 10 * day, isHeld: false, isExpiring: false }
  expect(goingOf({ ...of, isExpiring: true }, rule(7, null), now)).toEqual({ kind: 'next' })
  expect(goingOf(of, rule(30, null), now)).toEqual({ kind: 'not-before', at: now + 20 * day })
  expect(goingOf(of, rule(7, null), now)).toEqual({ kind: 'replaced' })
  expect(goingOf(of, rule(null, 3), now)).toEqual({ kind: 'replaced' })
  expect(goingOf(of, rule(null, null), now)).toEqual({ kind: 'never' })
  expect(goingOf({ ...of, isHeld: true }, rule(7, 3), now)).toEqual({ kind: 'held' })
})

test('what goes first stands first, and images of other devices are left out [P10]', () => {
  const at = (days: number) => new Date(now - days * day).toISOString()
  const kept = (imageId: string, days: number) => ({ imageId, sourceName: 'shop-db', level: 0, endAt: at(days), reasons: ['within the last 30 days'] })
  const preview = { text: '', walFiles: 0, freedBytes: 0, sources: [], expire: [{ imageId: 'old', sourceName: 'shop-db', level: 0, endAt: at(40), storedBytes: 1 }], keep: [kept('young', 1), kept('middle', 20), kept('elsewhere', 2)] }
  const media: Media = { images: [image('young', 0, 1), image('middle', 0, 1), image('old', 0, 1)], wal: [] }
  const rows = expiryRows(media, [{ set: { name: 'nightly', retention: { keepDays: 30, keepFulls: null, minimumFulls: 1 } }, preview }], now)
  expect(rows.map(({ imageId, going }) => [imageId, going.kind])).toEqual([['old', 'next'], ['middle', 'not-before'], ['young', 'not-before']])
})
