// What is planned from storage alone, reading a few segments, against what is planned when every segment was read.
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { planRestore } from '#lib/domain/plan.ts'
import type { ImageJson } from '#lib/image/image-json.ts'
import { formatLsn, lsn } from '#lib/postgres/lsn.ts'
import { segmentName } from '#lib/postgres/wal.ts'
import { problem } from '#lib/domain/problem.ts'
import type { ReadableStorage } from '#lib/storage/storage.ts'
import { factsOf } from './stored-facts.ts'
import type { StoredSource } from './stored-sources.ts'

const SEGMENT = 1 << 20
const BEGIN = Date.parse('2026-03-12T08:00:00Z')
const EPOCH_MICROSECONDS = 946_684_800_000_000n
const at = (second: number): number => BEGIN + second * 1000

/** A segment with one commit, or none. */
function segment(number: number, committedAt: number | null): Buffer {
  const bytes = Buffer.alloc(SEGMENT)
  bytes.writeUInt16LE(0xd110, 0)
  bytes.writeUInt16LE(0x0002, 2)
  bytes.writeBigUInt64LE(BigInt(number) * BigInt(SEGMENT), 8)
  bytes.writeUInt32LE(SEGMENT, 32)
  bytes.writeUInt32LE(8192, 36)
  if (committedAt === null) return bytes
  bytes.writeUInt32LE(24 + 2 + 8, 40)
  bytes.writeUInt8(1, 40 + 17)
  bytes.writeUInt8(255, 64)
  bytes.writeUInt8(8, 65)
  bytes.writeBigInt64LE(BigInt(committedAt) * 1000n - EPOCH_MICROSECONDS, 66)
  return bytes
}

const image = (endAt: number): ImageJson => ({
  format: 1, id: '00000000-0000-4000-8000-000000000001', set: { id: '', name: 'nightly' }, source: { id: '', name: 'main' }, level: 0, baseImageId: null, createdAt: new Date(endAt).toISOString(), label: '', beginAt: new Date(endAt - 500).toISOString(), endAt: new Date(endAt).toISOString(),
  systemIdentifier: '1', serverVersion: '15.1', major: 15, timeline: 1, beginLsn: formatLsn(lsn(BigInt(SEGMENT) + 100n)), endLsn: formatLsn(lsn(BigInt(SEGMENT) + 200n)), fromStandby: false, wal: { first: segmentName(1, lsn(BigInt(SEGMENT)), SEGMENT), last: segmentName(1, lsn(BigInt(SEGMENT)), SEGMENT) }, segmentSizeBytes: SEGMENT,
  checksums: true, changes: null, clusterBytes: 1, compressionLevel: null, encryption: null, tablespaces: [], volumes: [{ name: 'data-1.000001.tar', sizeBytes: 1, sha256: '', rawBytes: 1 }], index: { name: 'index.json.zst', sizeBytes: 1, sha256: '' }, fileCount: 1, rawBytes: 1, storedBytes: 1, agentVersion: '',
})

/** `commits[i]` is in segment i + 1; the image ends in the first one. Every file was copied here long after. */
function stored(commits: readonly (number | null)[]): { source: StoredSource; storage: ReadableStorage; reads: string[]; damage: Set<string> } {
  const modifiedAt = new Date(at(1_000_000))
  const wal = commits.map((_, index) => {
    const name = segmentName(1, lsn(BigInt(index + 1) * BigInt(SEGMENT)), SEGMENT)
    return { key: `sets/nightly/main/wal/00000001/${name}`, name, kind: 'segment' as const, sizeBytes: SEGMENT, modifiedAt }
  })
  const reads: string[] = []
  const damage = new Set<string>()
  const storage: ReadableStorage = {
    async read(key) {
      reads.push(key)
      const index = wal.findIndex((file) => file.key === key)
      if (index === -1) throw problem('not-found', key)
      const bytes = segment(index + 1, commits[index] ?? null)
      return Readable.from([damage.has(key) ? bytes.subarray(1) : bytes])
    },
    stat: async () => null,
    list: async () => [],
  }
  return { source: { setName: 'nightly', name: 'main', set: null, remembered: null, images: [{ path: 'sets/nightly/main/images/x', json: image(at(0)) }], wal }, storage, reads, damage }
}

const history = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 30 })), { minLength: 1, maxLength: 14 }).map((steps) => {
  let second = 0
  return steps.map(([hasCommit, gap]) => {
    second += gap
    return hasCommit ? at(second) : null
  })
})

test('a restore to any moment has the WAL up to the first later commit, and not every segment is read for it [K14] [K2]', async () => {
  await fc.assert(
    fc.asyncProperty(history, fc.integer({ min: 0, max: 450 }), async (commits, second) => {
      const { source, storage } = stored(commits)
      const moment = at(second)
      const facts = await factsOf(storage, source, { keys: [], at: moment })
      const answer = planRestore({ target: { kind: 'time', at: moment, inclusive: true } }, { ...facts, now: at(2_000_000) })
      const later = commits.findIndex((commit) => commit !== null && commit > moment)
      const newest = Math.max(at(0), ...commits.map((commit) => commit ?? 0))
      // A moment behind the last commit is not promised.
      if (moment > newest) expect(answer.ok).toBe(false)
      else if (answer.ok) expect(answer.plan.wal.length).toBe(later === -1 ? commits.length : later + 1)
      else throw new Error(answer.reason)
    }),
    { numRuns: 60 },
  )
})

test('of a long archive a few segments are read', async () => {
  const { source, storage, reads } = stored(Array.from({ length: 64 }, (_, index) => at(index + 1)))
  await factsOf(storage, source, { keys: [], at: at(20) })
  expect(new Set(reads).size).toBeLessThan(10)
  reads.length = 0
  await factsOf(storage, source, { keys: [], at: null })
  expect(reads.length).toBe(1)
})

test('a damaged segment counts as missing and is named; what is left out is not planned with [K14]', async () => {
  const { source, storage, damage } = stored([at(1), at(2), at(3), at(4)])
  const last = source.wal[3]?.key ?? ''
  damage.add(last)
  const facts = await factsOf(storage, source, { keys: [], at: null })
  expect(facts.damaged).toEqual([{ path: last, reason: expect.stringContaining('bytes') as string }])
  expect(facts.wal).toHaveLength(3)
  expect((await factsOf(storage, source, { keys: [], at: null, without: new Set([source.wal[1]?.key ?? '']) })).wal).toHaveLength(2)
  expect((await factsOf(storage, source, { keys: [], at: null, without: new Set(['00000000-0000-4000-8000-000000000001']) })).images).toEqual([])
})
