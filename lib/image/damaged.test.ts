// Readers of what lies on storage, fed with damage of every kind: the answer is what was written or an error that says where, never anything else, and nothing is allocated for what damage claims.
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { ProblemError } from '#lib/domain/problem.ts'
import { manifestText } from '#lib/postgres/manifest.ts'
import { parseManifest } from '#lib/postgres/manifest-reader.ts'
import { decodeHeader, encodeHeader } from '#lib/postgres/incremental.ts'
import { fileContent, frameOpener } from './file-reader.ts'
import { compressFrame, decompressAll, decompressFrame, frameLength, frameSplitter } from './frames.ts'
import { formatImageJson, type ImageJson, parseImageJson } from './image-json.ts'
import { type IndexEntry, indexHead, indexWriter, parseIndex } from './index.ts'
import { openStripe } from './stripe-writer.ts'
import { tarReader } from './tar.ts'

const folder = mkdtempSync(join(tmpdir(), 'howdah-damaged-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** One thing done to bytes; positions are shares of their length, so that a case shrinks well. */
const damages = {
  flip: (bytes: Buffer, at: number, by: number) => {
    const copy = Buffer.from(bytes)
    copy[at] = (copy[at] ?? 0) ^ (1 << by % 8)
    return copy
  },
  cut: (bytes: Buffer, at: number) => bytes.subarray(0, at),
  remove: (bytes: Buffer, at: number, by: number) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + by)]),
  insert: (bytes: Buffer, at: number, by: number) => Buffer.concat([bytes.subarray(0, at), randomBytes(1 + (by % 40)), bytes.subarray(at)]),
  repeat: (bytes: Buffer, at: number, by: number) => Buffer.concat([bytes.subarray(0, at + by), bytes.subarray(at)]),
  fill: (bytes: Buffer, at: number, by: number) => Buffer.concat([bytes.subarray(0, at), Buffer.alloc(Math.min(1 + by, bytes.length - at), 0xff), bytes.subarray(at + 1 + by)]),
  zero: (bytes: Buffer, at: number, by: number) => Buffer.concat([bytes.subarray(0, at), Buffer.alloc(Math.min(1 + by, bytes.length - at)), bytes.subarray(at + 1 + by)]),
} as const
const damage = fc.record({ kind: fc.constantFrom(...(Object.keys(damages) as (keyof typeof damages)[])), at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), by: fc.nat({ max: 300 }) })
const damaged = (bytes: Buffer, list: readonly { kind: keyof typeof damages; at: number; by: number }[]): Buffer =>
  list.reduce((now: Buffer, { kind, at, by }) => (now.length === 0 ? now : damages[kind](now, Math.floor(at * now.length), by)), bytes)
const someDamage = fc.array(damage, { minLength: 1, maxLength: 3 })

/** What a reader made of bytes, or undefined where it refused them in the way it promises. */
function answer<T>(read: () => T, isPromised: (error: unknown) => boolean): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!isPromised(error)) throw error
    return undefined
  }
}
const isRange = (error: unknown): boolean => error instanceof RangeError && error.message !== ''

const contents = [randomBytes(700_000), Buffer.alloc(0), Buffer.from('short'), Buffer.alloc(300_000, 'howdah'), Buffer.alloc(600_000)]
const writtenAt = (level: number | null, stripeName: string) => {
  const entries: IndexEntry[] = []
  const parts: Buffer[] = [indexHead()]
  const index = indexWriter((frame) => parts.push(frame))
  const volumes: string[] = []
  const stripe = openStripe({
    stripe: stripeName, level, folder, volumeBytes: 1 << 30,
    onVolume: ({ name }) => void volumes.push(name),
    onEntry(entry) {
      entries.push(entry)
      index.add(entry)
    },
  })
  for (const [number, content] of contents.entries()) stripe.file({ type: 'file', path: Buffer.from(`base/5/${'x'.repeat(number * 40)}${number}`), size: content.length, mode: 0o600, uid: 1, gid: 1, user: 'postgres', group: 'postgres', mtime: 1_700_000_000 }, (into, position) => content.copy(into, 0, position, position + into.length))
  stripe.end()
  index.end()
  return { entries, index: Buffer.concat(parts), volume: readFileSync(join(folder, volumes[0] ?? '')) }
}
const written = writtenAt(1, 'data-1')
/** Without frames, whose checksums find most damage before any digest does. */
const plain = writtenAt(null, 'data-2')

test('of a damaged index every entry that is read is one that was written, and else the byte of the damaged frame is named [D12] [J5]', () => {
  const known = new Set(parseIndex(written.index).map((entry) => JSON.stringify(entry)))
  fc.assert(fc.property(someDamage, (list) => {
    const read = answer(() => parseIndex(damaged(written.index, list)), (error) => isRange(error) && /index (is damaged in its frame at byte \d+|has no header)/.test(String(error)))
    for (const entry of read ?? []) expect(known.has(JSON.stringify(entry))).toBe(true)
  }), { numRuns: 3000 })
})

test.each([{ image: written, isCompressed: true }, { image: plain, isCompressed: false }])('of a damaged volume a file is read as it was, or refused by its name (compressed: $isCompressed) [D12] [J5]', ({ image, isCompressed }) => {
  fc.assert(fc.property(someDamage, fc.boolean(), (list, hasPrints) => {
    const volume = damaged(image.volume, list)
    const open = frameOpener(({ offset, length }) => volume.subarray(offset, offset + length), isCompressed)
    for (const [number, { prints, ...rest }] of image.entries.entries()) {
      const entry = hasPrints && prints !== undefined ? { ...rest, prints } : rest
      const read = answer(() => Buffer.concat([...fileContent(entry, open)]), (error) => isRange(error) && String(error).includes(entry.path ?? '?'))
      if (read !== undefined) expect(read.equals(contents[number] ?? Buffer.from('?'))).toBe(true)
    }
  }), { numRuns: 400 })
}, 60_000)

test('an index that leads anywhere ends in an error with the name of the file, whatever it says', () => {
  const open = frameOpener(({ offset, length }) => written.volume.subarray(offset, offset + length), true)
  const number = fc.oneof(fc.nat({ max: 2_000_000 }), fc.maxSafeNat())
  const piece = fc.record({ volume: fc.constant(1), offset: number, length: number.map((n) => n + 1), skip: number, size: number.map((n) => n + 1) })
  fc.assert(fc.property(fc.nat({ max: contents.length - 1 }), fc.array(piece, { maxLength: 3 }), number, (which, pieces, size) => {
    const entry = written.entries[which]
    if (entry === undefined) throw new Error('There is no such entry.')
    const read = answer(() => Buffer.concat([...fileContent({ ...entry, pieces, size }, open)]), (error) => isRange(error) && String(error).includes(entry.path ?? '?'))
    if (read !== undefined) expect(read.equals(contents[which] ?? Buffer.from('?'))).toBe(true)
  }), { numRuns: 1000 })
})

test('the tar stream of a damaged volume ends in an error or in entries, never in a hang or a fault', () => {
  const raw = decompressAll(written.volume)
  fc.assert(fc.property(someDamage, (list) => {
    answer(() => {
      const tar = tarReader()
      let events = 0
      for (const _ of tar.push(damaged(raw, list))) events += 1
      tar.end()
      return events
    }, isRange)
  }), { numRuns: 200 })
}, 60_000)

test('whatever bytes come, frames are found or refused, in pieces of any size', () => {
  fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.concat([compressFrame(bytes, 1), bytes, Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), bytes]))), fc.integer({ min: 1, max: 50 }), (bytes, size) => {
    answer(() => {
      const splitter = frameSplitter()
      for (let at = 0; at < bytes.length; at += size) for (const frame of splitter.push(Buffer.from(bytes.subarray(at, at + size)))) decompressFrame(frame)
      splitter.end()
    }, isRange)
  }), { numRuns: 3000 })
})

/** Bytes that a reading takes at its height beyond what it had, roughly. */
function taken(work: () => void): number {
  const before = process.memoryUsage()
  work()
  const after = process.memoryUsage()
  return after.arrayBuffers + after.external - before.arrayBuffers - before.external
}

test('nothing is allocated for what a damaged header claims: frames of terabytes, blocks without end, names of exabytes', () => {
  const claim = (bytes: bigint): Buffer => {
    const frame = Buffer.alloc(40)
    frame.writeUInt32LE(0xfd2fb528, 0)
    frame[4] = 0xc0 // eight bytes of content size, a window
    frame[5] = 0x70
    frame.writeBigUInt64LE(bytes, 6)
    return frame
  }
  const skippable = Buffer.alloc(40)
  skippable.writeUInt32LE(0x184d2a50, 0)
  skippable.writeUInt32LE(0xffff_fff0, 4)
  const header = Buffer.alloc(512)
  header.write('././@LongLink', 0)
  header[124] = 0x80
  header.writeBigUInt64BE(1n << 50n, 128)
  header.write('L', 156)
  header.write('        ', 148)
  header.write(`${header.reduce((total, byte) => total + byte, 0).toString(8).padStart(6, '0')}\0 `, 148)
  const incremental = Buffer.from(encodeHeader({ blocks: [], truncationBlocks: 0 }))
  incremental.writeUInt32LE(0xffff_ffff, 4)
  const attempts: (() => unknown)[] = [
    ...[1n << 40n, (1n << 63n) + 1n, 0xffff_ffffn].map((bytes) => () => decompressFrame(claim(bytes))),
    () => frameLength(skippable),
    () => [...frameSplitter().push(Buffer.concat([skippable, Buffer.alloc(1000)]))],
    () => [...tarReader().push(header)],
    () => decodeHeader(incremental),
  ]
  for (const attempt of attempts) expect(taken(() => expect(attempt).toThrow(RangeError))).toBeLessThan(4 << 20)
  // A frame that does not say its size, and holds a great many zeros in a few bytes.
  const bomb = compressFrame(Buffer.alloc(80 << 20), 19)
  const silent = Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x70]), bomb.subarray(4 + 1 + 4 + (((bomb[4] ?? 0) & 0x20) === 0 ? 1 : 0))])
  expect(() => decompressFrame(silent)).toThrow(RangeError)
})

const image: ImageJson = {
  format: 1, id: '7b6f2a0e-3c55-4bb4-9f0f-3f3a6c1f6a10', set: { id: 's', name: 'nightly' }, source: { id: 'm', name: 'main' }, level: 0, baseImageId: null, createdAt: '2026-01-02T03:04:05.000Z', label: 'howdah', beginAt: '2026-01-02T03:04:05.000Z', endAt: '2026-01-02T03:05:05.000Z', systemIdentifier: '7400000000000000001', serverVersion: '17.2',
  major: 17, timeline: 1, beginLsn: '0/2000028', endLsn: '0/2000120', fromStandby: false, wal: { first: '000000010000000000000002', last: '000000010000000000000002' }, segmentSizeBytes: 16 << 20, checksums: true, changes: null, clusterBytes: 1000, compressionLevel: 3, encryption: null, tablespaces: [],
  volumes: [{ name: 'data-1.000001.tar.zst', sizeBytes: 1, sha256: 'a'.repeat(64), rawBytes: 1 }], index: { name: 'index.json.zst', sizeBytes: 1, sha256: 'b'.repeat(64) }, fileCount: 1, rawBytes: 1000, storedBytes: 2, agentVersion: '0.1.0',
}
test('a damaged image.json is refused as such, with what is wrong in it: not a digit of it can change unseen [D12] [J2] [J5]', () => {
  const text = Buffer.from(formatImageJson(image))
  fc.assert(fc.property(someDamage, (list) => {
    const read = answer(() => parseImageJson(damaged(text, list).toString('utf8')), (error) => error instanceof ProblemError && error.problem.code === 'storage-corrupt' && error.problem.message.includes('image.json') && error.problem.detail !== '')
    if (read !== undefined) expect(formatImageJson(read)).toBe(text.toString())
  }), { numRuns: 2000 })
})

test('a damaged backup_manifest is refused as such [D12]', () => {
  const sha256 = () => createHash('sha256')
  const files = Array.from({ length: 20 }, (_, number) => ({ path: `base/5/${number}`, sizeBytes: 8192, modifiedAt: new Date(1_700_000_000_000), checksum: { algorithm: 'SHA256' as const, hex: 'c'.repeat(64) } }))
  const text = Buffer.from([...manifestText({ version: 2, systemIdentifier: '7400000000000000001', files, walRanges: [] }, sha256())].join(''))
  const whole = parseManifest(text.toString(), sha256())
  fc.assert(fc.property(someDamage, (list) => {
    const read = answer(() => parseManifest(damaged(text, list).toString('utf8'), sha256()), (error) => isRange(error) && String(error).includes('backup_manifest'))
    if (read !== undefined) expect(read).toEqual(whole)
  }), { numRuns: 2000 })
})
