// Whatever files go into a stripe come out of it again: through the index, through the tar stream by hand, and through cat | zstd | tar.
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { lstatSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { fileContent, frameOpener } from './file-reader.ts'
import { compressFrame, decompressAll, decompressFrame, FRAME_BYTES, frameSplitter, rawSizeOf } from './frames.ts'
import type { StoredVolume } from './image-json.ts'
import { entryPathBytes, indexHead, indexReader, type IndexEntry, indexWriter, parseIndex } from './index.ts'
import { parseVolumeName, volumeName } from './layout.ts'
import { PRINTS_FROM_BYTES } from './prints.ts'
import { openStripe, OWN_FRAME_BYTES } from './stripe-writer.ts'
import { tarReader, type TarHeader } from './tar.ts'

const folders: string[] = []
const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'howdah-image-'))
  folders.push(path)
  return path
}
afterEach(() => {
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true })
})

interface Given {
  path: Buffer
  content: Buffer
  type?: 'file' | 'dir' | 'symlink'
}

const headerOf = ({ path, content, type = 'file' }: Given): TarHeader => ({ type, path, size: content.length, mode: type === 'dir' ? 0o700 : 0o600, uid: 101, gid: 104, user: 'postgres', group: 'postgres', mtime: 1_700_000_000, ...(type === 'symlink' ? { link: `/somewhere/${'x'.repeat(120)}` } : {}) })

function write(given: readonly Given[], level: number | null, volumeBytes: number): { volumes: StoredVolume[]; entries: IndexEntry[]; at: string; index: Buffer } {
  const at = folder()
  const volumes: StoredVolume[] = []
  const entries: IndexEntry[] = []
  const parts: Buffer[] = [indexHead()]
  const index = indexWriter((frame) => parts.push(frame))
  const stripe = openStripe({
    stripe: 'data-1', level, folder: at, volumeBytes,
    onVolume: (volume) => volumes.push(volume),
    onEntry: (entry) => {
      entries.push(entry)
      index.add(entry)
    },
  })
  for (const one of given) {
    if (one.type === 'dir' || one.type === 'symlink') stripe.node({ ...headerOf(one), size: 0 })
    else stripe.file(headerOf(one), (into, position) => one.content.copy(into, 0, position, position + Math.min(into.length, 70_000)))
  }
  stripe.end()
  index.end()
  return { volumes, entries, at, index: Buffer.concat(parts) }
}

function readBack(at: string, entries: readonly IndexEntry[], isCompressed: boolean): Buffer[] {
  const open = frameOpener(({ volume, offset, length }) => {
    const bytes = Buffer.alloc(length)
    const fd = openSync(join(at, volumeName('data-1', volume, isCompressed)), 'r')
    expect(readSync(fd, bytes, 0, length, offset)).toBe(length)
    return bytes
  }, isCompressed)
  return entries.map((entry) => Buffer.concat([...fileContent(entry, open)]))
}

/** A file as bytes: random ones do not compress, repeated ones and holes do. */
const content = fc
  .record({
    size: fc.oneof(fc.constantFrom(0, 1, 511, 512, 513, OWN_FRAME_BYTES, OWN_FRAME_BYTES + 1, FRAME_BYTES - 512, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 2 * FRAME_BYTES, 2 * FRAME_BYTES + 3), fc.integer({ min: 0, max: 1_500_000 }), fc.integer({ min: 0, max: 20_000 })),
    kind: fc.constantFrom('random', 'repeated', 'sparse'),
  })
  .map(({ size, kind }) => {
    const bytes = kind === 'random' ? randomBytes(size) : Buffer.alloc(size, kind === 'repeated' ? 'howdah' : 0)
    if (kind === 'sparse' && size > 10) bytes[size - 5] = 7
    return bytes
  })
const name = fc.oneof(
  fc.stringMatching(/^[a-z0-9_.]{1,40}$/),
  fc.string({ minLength: 1, maxLength: 60 }).map((text) => text.replaceAll(/[\0/]/g, '_')),
  fc.integer({ min: 90, max: 230 }).map((length) => 'ü'.repeat(length / 2)),
)
const oddName = fc.uint8Array({ minLength: 1, maxLength: 120 }).map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 47 ? 255 : byte))))
const files = fc
  .array(fc.record({ path: fc.oneof(name.map((text) => Buffer.from(text)), oddName), content }), { maxLength: 12 })
  .map((list) => list.filter(({ path }, index) => path.toString('latin1') !== '.' && path.toString('latin1') !== '..' && list.findIndex((other) => other.path.equals(path)) === index))

test('files of any size, name and content come back through the index and through the tar stream', () => {
  fc.assert(
    fc.property(files, fc.constantFrom(null, 1, 3), fc.constantFrom(1, 100_000, 1_200_000), (given, level, volumeBytes) => {
      const { volumes, entries, at, index } = write(given, level, volumeBytes)
      const read = parseIndex(index)
      expect(read).toEqual(entries)
      expect(read.map((entry) => entryPathBytes(entry).toString('hex'))).toEqual(given.map(({ path }) => path.toString('hex')))
      const back = readBack(at, read, level !== null)
      for (const [number, one] of given.entries()) expect(back[number]?.equals(one.content)).toBe(true)
      expect(read.map(({ prints }) => prints !== undefined)).toEqual(given.map((one) => one.content.length > PRINTS_FROM_BYTES))
      const byDigest = readBack(at, read.map((entry) => ({ ...entry, prints: undefined })), level !== null)
      for (const [number, one] of given.entries()) expect(byDigest[number]?.equals(one.content)).toBe(true)

      expect(volumes.map(({ name: one }) => parseVolumeName(one)?.number)).toEqual(volumes.map((_, number) => number + 1))
      const stored = volumes.map((volume) => readFileSync(join(at, volume.name)))
      const tar = tarReader()
      const seen: { path: string; size: number; sha256: string }[] = []
      let hash = createHash('sha256')
      for (const [number, bytes] of stored.entries()) {
        expect(volumes[number]).toMatchObject({ sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') })
        const raw = level === null ? bytes : decompressAll(bytes)
        expect(volumes[number]?.rawBytes).toBe(raw.length)
        for (const event of tar.push(raw)) {
          if (event.kind === 'data') hash.update(event.bytes)
          if (event.kind === 'data' || event.kind === 'end') continue
          if (seen.length > 0) seen.at(-1)!.sha256 = hash.digest('hex')
          hash = createHash('sha256')
          seen.push({ path: event.header.path.toString('hex'), size: event.header.size, sha256: '' })
        }
      }
      if (seen.length > 0) seen.at(-1)!.sha256 = hash.digest('hex')
      tar.end()
      expect(seen).toEqual(given.map((one) => ({ path: one.path.toString('hex'), size: one.content.length, sha256: createHash('sha256').update(one.content).digest('hex') })))
      rmSync(at, { recursive: true })
    }),
    { numRuns: 60 },
  )
}, 60_000)

test('a stripe of several volumes unpacks with cat, zstd and tar alone, names, modes and links included', () => {
  const given: Given[] = [
    { path: Buffer.from('base'), content: Buffer.alloc(0), type: 'dir' },
    { path: Buffer.from(`base/${'long'.repeat(50)}`), content: Buffer.from('a name beyond the field of a tar header') },
    { path: Buffer.from('base/empty'), content: Buffer.alloc(0) },
    { path: Buffer.from('base/big'), content: Buffer.concat([randomBytes(3_000_000), Buffer.alloc(1_000_000)]) },
    ...Array.from({ length: 50 }, (_, number) => ({ path: Buffer.from(`base/small ${number}`), content: randomBytes(number * 97) })),
    { path: Buffer.from([0x62, 0x2d, 0xff, 0xfe]), content: Buffer.from('bytes that are no UTF-8') },
    { path: Buffer.from('link'), content: Buffer.alloc(0), type: 'symlink' },
  ]
  const { volumes, at } = write(given, 3, 700_000)
  expect(volumes.length).toBeGreaterThan(3)
  const out = join(at, 'out')
  mkdirSync(out)
  execFileSync('sh', ['-c', `cat data-1.*.tar.zst | zstd -dc | tar x -C out --no-same-owner`], { cwd: at })
  for (const { path, content: expected, type } of given) {
    const target = Buffer.concat([Buffer.from(`${out}/`), path])
    const facts = lstatSync(target)
    if (type === 'symlink') expect(readlinkSync(target)).toBe(`/somewhere/${'x'.repeat(120)}`)
    else expect(facts.mode & 0o7777).toBe(type === 'dir' ? 0o700 : 0o600)
    if (type === undefined) expect(readFileSync(target).equals(expected)).toBe(true)
  }
  expect(readdirSync(join(out, 'base'))).toHaveLength(53)
})

test('contents beyond 64 KiB begin at a frame, and small files share one', () => {
  const { entries } = write([
    { path: Buffer.from('a'), content: randomBytes(100) },
    { path: Buffer.from('b'), content: randomBytes(200) },
    { path: Buffer.from('c'), content: randomBytes(FRAME_BYTES + 8192) },
  ], 3, 1 << 26)
  const [a, b, c] = entries
  expect(a?.pieces[0]?.offset).toBe(b?.pieces[0]?.offset)
  expect(b?.pieces[0]?.skip).toBe(512 + 512 + 512)
  expect(c?.pieces.map(({ skip, size }) => ({ skip, size }))).toEqual([{ skip: 0, size: FRAME_BYTES }, { skip: 0, size: 8192 }])
})

test('a file that shrank is made up with zeros and keeps its announced size [D5]', () => {
  const at = folder()
  const entries: IndexEntry[] = []
  const stripe = openStripe({ stripe: 'data-1', level: 3, folder: at, onVolume: () => {}, onEntry: (entry) => entries.push(entry) })
  const half = randomBytes(300_000)
  const { paddedBytes } = stripe.file(headerOf({ path: Buffer.from('shrunk'), content: Buffer.alloc(600_000) }), (into, position) => half.copy(into, 0, position))
  stripe.end()
  expect(paddedBytes).toBe(300_000)
  expect(readBack(at, entries, true)[0]?.equals(Buffer.concat([half, Buffer.alloc(300_000)]))).toBe(true)
})

test('one flipped bit anywhere in a volume is found by reading the file [D12]', () => {
  const given = [{ path: Buffer.from('only'), content: Buffer.concat([randomBytes(200_000), Buffer.alloc(200_000, 'x')]) }]
  const { volumes, at, entries } = write(given, 3, 1 << 26)
  const path = join(at, volumes[0]!.name)
  const good = readFileSync(path)
  const piece = entries[0]!.pieces[0]!
  for (const position of [piece.offset, piece.offset + 7, piece.offset + 100_000, piece.offset + piece.length - 1]) {
    const bad = Buffer.from(good)
    bad[position]! ^= 4
    writeFileSync(path, bad)
    expect(() => readBack(at, entries, true), `bit at ${position}`).toThrow()
  }
})

test('the reader of one stripe skips the others', () => {
  const parts = [indexHead()]
  const writer = indexWriter((frame) => parts.push(frame))
  const entry = (stripe: string, path: string): IndexEntry => ({ stripe, path, type: 'dir', mode: 0o700, uid: 0, gid: 0, user: 'root', group: 'root', mtime: 0, size: 0, pieces: [] })
  for (const number of Array.from({ length: 3000 }, (_, count) => count)) writer.add(entry(`data-${(number % 3) + 1}`, `file ${number}`))
  writer.end()
  const reader = indexReader({ stripe: 'data-2' })
  const bytes = Buffer.concat(parts)
  const found: IndexEntry[] = []
  for (let at = 0; at < bytes.length; at += 1000) found.push(...reader.push(bytes.subarray(at, at + 1000)))
  reader.end()
  expect(found.map(({ path }) => path)).toEqual(Array.from({ length: 1000 }, (_, count) => `file ${count * 3 + 1}`))
})

test('frames are found in a stream cut anywhere, and say their raw size', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 3000 }), { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 5000 }), (raws, step) => {
      const stored = Buffer.concat(raws.map((raw) => compressFrame(raw, 3)))
      const splitter = frameSplitter()
      const frames: Buffer[] = []
      for (let at = 0; at < stored.length; at += step) frames.push(...splitter.push(stored.subarray(at, at + step)))
      splitter.end()
      expect(frames.map(rawSizeOf)).toEqual(raws.map((raw) => raw.length))
      expect(frames.map((frame) => decompressFrame(frame).toString('hex'))).toEqual(raws.map((raw) => Buffer.from(raw).toString('hex')))
    }),
  )
  const short = frameSplitter()
  expect([...short.push(compressFrame(Buffer.from('cut'), 3).subarray(0, -1))]).toEqual([])
  expect(() => short.end()).toThrow(/inside a zstd frame/)
})

test('a higher level makes frames smaller, so the level is really used', () => {
  const text = readFileSync('package-lock.json').subarray(0, FRAME_BYTES)
  expect(compressFrame(text, 12).length).toBeLessThan(compressFrame(text, 1).length)
})
