// When adopted segments were finished: never later than they were, as far as storage alone can tell.
import { expect, test } from 'vitest'
import { lsn } from '#lib/postgres/lsn.ts'
import type { ImageJson } from '#lib/image/image-json.ts'
import { completionTimes } from './stored-wal.ts'

const SEGMENT = 1 << 20
const at = (text: string): Date => new Date(`2026-03-12T${text}Z`)
const segment = (number: number, lastCommitAt: Date | null) => ({ kind: 'segment' as const, timeline: 1, beginLsn: lsn(BigInt(number * SEGMENT)), endLsn: lsn(BigInt((number + 1) * SEGMENT)), lastCommitAt, storedAt: at('12:00:00') })
const image = (change: Partial<ImageJson>): ImageJson => ({
  format: 1, id: '00000000-0000-4000-8000-000000000000', set: { id: '', name: '' }, source: { id: '', name: '' }, level: 0, baseImageId: null, createdAt: '2026-03-12T10:00:00Z', label: '', beginAt: '2026-03-12T09:00:00Z', endAt: '2026-03-12T09:10:00Z', systemIdentifier: '1', serverVersion: '18', major: 18,
  timeline: 1, beginLsn: '0/300100', endLsn: '0/500200', fromStandby: false, wal: { first: '', last: '' }, segmentSizeBytes: SEGMENT, checksums: true, changes: null, clusterBytes: 1, compressionLevel: 3, encryption: null, tablespaces: [], volumes: [{ name: 'data-1.000001.tar.zst', sizeBytes: 1, sha256: '', rawBytes: 1 }], index: null, fileCount: 0, rawBytes: 0, storedBytes: 0, agentVersion: '', ...change,
})

test('the last transaction of a segment says it, and one without any is as old as the one before [G1] [K2]', () => {
  const completedAt = completionTimes([])
  expect([segment(1, null), segment(2, at('08:00:00')), segment(3, null), segment(4, at('08:05:00'))].map(completedAt)).toEqual([at('12:00:00'), at('08:00:00'), at('08:00:00'), at('08:05:00')])
})

test('a segment that a backup began in was finished after that, and an image of WAL says when its last one was [G1]', () => {
  const completedAt = completionTimes([image({}), image({ level: 1, volumes: [], beginAt: '2026-03-12T09:10:00Z', endAt: '2026-03-12T09:30:00Z', beginLsn: '0/500200', endLsn: '0/800000' })])
  expect([segment(2, at('08:00:00')), segment(3, null), segment(4, at('09:05:00')), segment(5, null), segment(7, at('09:20:00'))].map(completedAt)).toEqual([at('08:00:00'), at('09:00:00'), at('09:05:00'), at('09:10:00'), at('09:30:00')])
})

test('what another timeline was told says nothing [G1]', () => {
  const completedAt = completionTimes([image({ timeline: 2 })])
  expect(completedAt(segment(3, at('08:00:00')))).toEqual(at('08:00:00'))
  expect(completedAt({ ...segment(4, null), timeline: 3 })).toEqual(at('12:00:00'))
})
