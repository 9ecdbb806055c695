// A file and the changed blocks since, as one stream: every block from the newest image that has it, so that the merged file is written once and never read again.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { type bulkCrc32c, crc32cHex } from '#lib/postgres/crc32c.ts'
import { decodeHeader, headerBytes, incrementalBytes, type IncrementalHeader, mergedBlocks, neededHeaderBytes } from '#lib/postgres/incremental.ts'
import type { ManifestFile } from '#lib/postgres/manifest.ts'
import { PAGE_BYTES } from '#lib/postgres/pages.ts'

const EXTENSION_BYTES = 512 * 1024

/** An INCREMENTAL file, open for reading. */
export interface Change extends IncrementalHeader {
  fd: number
  /** Where its first block begins. */
  dataAt: number
}

function readFully(fd: number, into: Buffer, position: number): void {
  for (let at = 0; at < into.length; ) {
    const got = readSync(fd, into, at, into.length - at, position + at)
    if (got === 0) throw new RangeError('An incremental file ends before its last block.')
    at += got
  }
}

/** Where the bytes of an INCREMENTAL file lie. */
export interface StoredChange {
  fd: number
  at: number
  bytes: number
}

/** More than the header of a file of few blocks. */
const BEGIN_BYTES = 256

/** Reads the header of an INCREMENTAL file. Throws RangeError when it is none, or not a whole one. */
export function readChange({ fd, at, bytes }: StoredChange): Change {
  const begin = Buffer.alloc(Math.min(bytes, BEGIN_BYTES))
  readFully(fd, begin, at)
  const needed = neededHeaderBytes(begin)
  const head = needed <= begin.length ? begin : Buffer.alloc(Math.min(bytes, needed))
  if (head !== begin) readFully(fd, head, at)
  const header = decodeHeader(head)
  if (bytes !== incrementalBytes(header.blocks.length)) throw new RangeError(`An incremental file of ${header.blocks.length} blocks has ${bytes} bytes instead of ${incrementalBytes(header.blocks.length)}.`)
  return { ...header, fd, dataAt: at + headerBytes(header.blocks.length) }
}

/** Opens INCREMENTAL files, oldest first, for as long as `work` goes on. Throws RangeError when one is none. */
export async function withChanges<T>(paths: readonly string[], work: (changes: readonly Change[]) => Promise<T> | T): Promise<T> {
  const opened: number[] = []
  try {
    const changes = paths.map((path) => {
      const fd = openSync(path, 'r')
      opened.push(fd)
      return readChange({ fd, at: 0, bytes: fstatSync(fd).size })
    })
    return await work(changes)
  } finally {
    for (const fd of opened) closeSync(fd)
  }
}

/** Bytes of the file that a merge gives. */
export const mergedBytes = (changes: readonly Change[]): number => mergedBlocks(changes.at(-1) ?? { blocks: [], truncationBlocks: 0 }) * PAGE_BYTES

/** Index of the first block that ends after a byte of the file. */
function firstAfter(blocks: readonly number[], byte: number): number {
  let [low, high] = [0, blocks.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (((blocks[middle] ?? 0) + 1) * PAGE_BYTES > byte) high = middle
    else low = middle + 1
  }
  return low
}

/** Puts one image's changes into the bytes of the file that begin at `from`. */
function patch(bytes: Buffer, from: number, { blocks, truncationBlocks, fd, dataAt }: Change): void {
  const kept = truncationBlocks * PAGE_BYTES - from
  if (kept < bytes.length) bytes.fill(0, Math.max(0, kept))
  const end = from + bytes.length
  for (let index = firstAfter(blocks, from); index < blocks.length; ) {
    const first = blocks[index] ?? 0
    if (first * PAGE_BYTES >= end) return
    let run = 1
    while (blocks[index + run] === first + run && (first + run) * PAGE_BYTES < end) run += 1
    const [begin, stop] = [Math.max(from, first * PAGE_BYTES), Math.min(end, (first + run) * PAGE_BYTES)]
    readFully(fd, bytes.subarray(begin - from, stop - from), dataAt + index * PAGE_BYTES + (begin - first * PAGE_BYTES))
    index += run
  }
}

/** A file that blocks went into, as it is then, for the manifest. */
export type SummedFile = Pick<ManifestFile, 'sizeBytes' | 'checksum'> & { path: string }

/** True where images since say that they changed no block of a file of `bytes`. */
export const isUnchanged = (bytes: number, changes: readonly Change[]): boolean => mergedBytes(changes) === bytes && changes.every(({ blocks, truncationBlocks }) => blocks.length === 0 && truncationBlocks * PAGE_BYTES >= bytes)

/** `base` in pieces, which are changed where they are; `changes` oldest first. Gives exactly `mergedBytes`, and takes all of `base`, which is proved at its end. */
export function* mergedContent(base: Iterable<Buffer>, changes: readonly Change[]): Generator<Buffer> {
  const size = mergedBytes(changes)
  let at = 0
  const patched = (bytes: Buffer): Buffer => {
    for (const change of changes) patch(bytes, at, change)
    at += bytes.length
    return bytes
  }
  if (size > 0) for (const piece of base) if (at < size) yield patched(piece.subarray(0, size - at))
  while (at < size) yield patched(Buffer.alloc(Math.min(EXTENSION_BYTES, size - at)))
}

/**
 * The same for the file at `path`, with what the manifest says of it when all of `content` was taken. `known`: the checksum of a base of `bytes`, which stands
 * where no block changed. CRC-32C is what PostgreSQL itself puts into manifests; SHA256 of files of many gigabytes would take longer than all else.
 */
export function summedContent(path: string, base: { content: Iterable<Buffer>; bytes: number; known: ManifestFile['checksum'] }, changes: readonly Change[], sum: ReturnType<typeof bulkCrc32c>): { content: Iterable<Buffer>; file: () => SummedFile } {
  const known = isUnchanged(base.bytes, changes) ? base.known : null
  let crc32c = 0
  function* summed(): Generator<Buffer> {
    for (const bytes of mergedContent(base.content, changes)) {
      if (known === null) crc32c = sum(bytes, crc32c)
      yield bytes
    }
  }
  return { content: summed(), file: () => ({ path, sizeBytes: mergedBytes(changes), checksum: known ?? { algorithm: 'CRC32C', hex: crc32cHex(crc32c) } }) }
}
