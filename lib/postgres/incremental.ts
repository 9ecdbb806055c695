// INCREMENTAL files: the changed blocks of one file of a relation, in the format that pg_combinebackup merges.
// Source: src/backend/backup/basebackup_incremental.c, src/bin/pg_combinebackup/reconstruct.c (PostgreSQL 17)
import { PAGE_BYTES, SEGMENT_PAGES } from './pages.ts'

export const INCREMENTAL_PREFIX = 'INCREMENTAL.'
const MAGIC = 0xd3ae1f0d
const FIXED_BYTES = 12
/** From this share of changed blocks on, the whole file is stored: as PostgreSQL decides. Source: GetFileBackupMethod */
const WHOLE_SHARE = 0.9

export interface IncrementalHeader {
  /** Blocks of this file, ascending, counted from its own begin. */
  blocks: readonly number[]
  /** Blocks that the merged file keeps of its base at most; it grows again to hold the last block given here. */
  truncationBlocks: number
}

/** Bytes before the first block: padded to a block where there are blocks, so that they stay aligned. */
export const headerBytes = (blockCount: number): number => {
  const plain = FIXED_BYTES + 4 * blockCount
  return blockCount === 0 ? plain : Math.ceil(plain / PAGE_BYTES) * PAGE_BYTES
}

/** Size of a whole INCREMENTAL file. */
export const incrementalBytes = (blockCount: number): number => headerBytes(blockCount) + blockCount * PAGE_BYTES

/** Blocks of the file that a merge gives. */
export const mergedBlocks = ({ blocks, truncationBlocks }: IncrementalHeader): number => Math.max(truncationBlocks, (blocks.at(-1) ?? -1) + 1)

/** True where storing the file whole is better than its changed blocks. */
export const isBetterWhole = (changed: number, blocks: number): boolean => changed > blocks * WHOLE_SHARE

export function encodeHeader({ blocks, truncationBlocks }: IncrementalHeader): Uint8Array {
  const bytes = new Uint8Array(headerBytes(blocks.length))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, MAGIC, true)
  view.setUint32(4, blocks.length, true)
  view.setUint32(8, truncationBlocks, true)
  for (const [index, block] of blocks.entries()) view.setUint32(FIXED_BYTES + 4 * index, block, true)
  return bytes
}

/** How many bytes decodeHeader needs, told by the first 8. Throws RangeError where no INCREMENTAL file begins. */
export function neededHeaderBytes(begin: Uint8Array): number {
  if (begin.length < FIXED_BYTES) throw new RangeError('An incremental file ends inside its header.')
  const view = new DataView(begin.buffer, begin.byteOffset, begin.byteLength)
  if (view.getUint32(0, true) !== MAGIC) throw new RangeError('An incremental file does not begin as one.')
  const count = view.getUint32(4, true)
  if (count > SEGMENT_PAGES) throw new RangeError(`An incremental file claims ${count} blocks; a file of a relation has at most ${SEGMENT_PAGES}.`)
  return headerBytes(count)
}

/** Reads the header at the begin of `bytes`. Throws RangeError for anything PostgreSQL would refuse, or blocks out of order. */
export function decodeHeader(bytes: Uint8Array): IncrementalHeader {
  const needed = neededHeaderBytes(bytes)
  if (bytes.length < needed) throw new RangeError('An incremental file ends inside its header.')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const truncationBlocks = view.getUint32(8, true)
  if (truncationBlocks > SEGMENT_PAGES) throw new RangeError(`An incremental file cuts at block ${truncationBlocks}; a file of a relation has at most ${SEGMENT_PAGES}.`)
  const blocks = Array.from({ length: view.getUint32(4, true) }, (_, index) => view.getUint32(FIXED_BYTES + 4 * index, true))
  for (const [index, block] of blocks.entries()) {
    if (block >= SEGMENT_PAGES || block <= (blocks[index - 1] ?? -1)) throw new RangeError(`An incremental file names block ${block} out of order or range.`)
  }
  return { blocks, truncationBlocks }
}

/** 'base/5/16384' → 'base/5/INCREMENTAL.16384'. */
export function incrementalPath(path: string): string {
  const at = path.lastIndexOf('/') + 1
  return `${path.slice(0, at)}${INCREMENTAL_PREFIX}${path.slice(at)}`
}

/** 'base/5/INCREMENTAL.16384' → 'base/5/16384'; null for every other path. */
export function pathOfIncremental(path: string): string | null {
  const at = path.lastIndexOf('/') + 1
  return path.startsWith(INCREMENTAL_PREFIX, at) ? path.slice(0, at) + path.slice(at + INCREMENTAL_PREFIX.length) : null
}
