// Looks at the pages of a file of a relation on its way into an image: proves their checksums, and finds those that changed.
import { readSync } from 'node:fs'
import type { ReadChunk } from '#lib/image/stripe-writer.ts'
import { encodeHeader, incrementalBytes, isBetterWhole } from '#lib/postgres/incremental.ts'
import type { Lsn } from '#lib/postgres/lsn.ts'
import { PAGE_BYTES, pageLsn, type PageScanner } from '#lib/postgres/pages.ts'
import type { FileChange } from '#lib/postgres/wal-summary.ts'
import type { Room } from './frame-memory.ts'

/** How a writer looks at pages: `frame` is where it reads to scan, `page` where it reads one again. */
export interface PageEyes {
  scanner: PageScanner
  frame: Room
  page: Room
  hasChecksums: boolean
  /** Where the backup began: a page changed since then may be torn as it is read, and the WAL holds it whole. */
  beginLsn: Lsn
}

/** A file that is being read: `firstBlock` is the number of its first page in its relation; `onBad` hears of pages with a wrong checksum, by their number in the relation. */
export interface ReadFile {
  fd: number
  firstBlock: number
  onBad: (block: number) => void
  onRead: (bytes: number) => void
}

const TRIES = 3
const PAUSE_MS = 20
const nap = (): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)

/** Reads until `into` is full or the file ends; answers how much there was. */
export function readFully(fd: number, into: Buffer, position: number): number {
  let got = 0
  while (got < into.length) {
    const more = readSync(fd, into, got, into.length - got, position + got)
    if (more === 0) break
    got += more
  }
  return got
}

/** A page that looked wrong is wrong if it stays so when it is read again, and has not changed since the backup began. */
function isReallyBad({ fd, firstBlock }: ReadFile, block: number, { scanner, page, beginLsn }: PageEyes): boolean {
  for (let tries = 1; tries <= TRIES; tries += 1) {
    if (readFully(fd, page.bytes, block * PAGE_BYTES) < PAGE_BYTES) return false // cut off meanwhile
    if (pageLsn(page.bytes) >= beginLsn || scanner.bad(page.address, 1, firstBlock + block).length === 0) return false
    nap()
  }
  return true
}

/** Proves pages that lie at `address` and are the file's from page `block` on. */
export function provePages(file: ReadFile, { address, block, pages }: { address: number; block: number; pages: number }, eyes: PageEyes): void {
  if (!eyes.hasChecksums || pages === 0) return
  for (const index of eyes.scanner.bad(address, pages, file.firstBlock + block)) if (isReallyBad(file, block + index, eyes)) file.onBad(file.firstBlock + block + index)
}

/** What of a file has an LSN at or after `since`, by reading all of it. */
export function scanFile(file: ReadFile, sizeBytes: number, since: Lsn, eyes: PageEyes): FileChange {
  const { scanner, frame } = eyes
  const blocks: number[] = []
  const total = Math.floor(sizeBytes / PAGE_BYTES)
  let seen = 0
  while (seen < total) {
    const got = readFully(file.fd, frame.bytes.subarray(0, Math.min(frame.bytes.length, (total - seen) * PAGE_BYTES)), seen * PAGE_BYTES)
    file.onRead(got)
    const pages = Math.floor(got / PAGE_BYTES)
    if (pages === 0) break
    for (const index of scanner.changed(frame.address, pages, since)) blocks.push(seen + index)
    provePages(file, { address: frame.address, block: seen, pages }, eyes)
    seen += pages
  }
  return { kind: 'blocks', blocks, truncationBlocks: seen }
}

export interface IncrementalContent {
  sizeBytes: number
  read: ReadChunk
}

/** The INCREMENTAL file for a change, read from the file block by block; null where the whole file is better. What is read goes to the shared memory. */
export function incrementalContent(file: ReadFile, change: FileChange, eyes: PageEyes): IncrementalContent | null {
  if (change.kind === 'whole' || isBetterWhole(change.blocks.length, change.truncationBlocks)) return null
  const header = Buffer.from(encodeHeader(change))
  const { blocks } = change
  return {
    sizeBytes: incrementalBytes(blocks.length),
    read(into, position) {
      if (position < header.length) return header.copy(into, 0, position)
      const offset = position - header.length
      const index = Math.floor(offset / PAGE_BYTES)
      const within = offset % PAGE_BYTES
      const block = blocks[index]
      if (block === undefined) return 0
      // Neighbours are read together.
      let run = 1
      while (blocks[index + run] === block + run && (run + 1) * PAGE_BYTES - within <= into.length) run += 1
      const target = into.subarray(0, Math.min(into.length, run * PAGE_BYTES - within))
      const got = readFully(file.fd, target, block * PAGE_BYTES + within)
      file.onRead(got)
      if (within === 0) provePages(file, { address: target.byteOffset, block, pages: Math.floor(got / PAGE_BYTES) }, eyes)
      // Cut off meanwhile: replay cuts it off again.
      target.fill(0, got)
      return target.length
    },
  }
}
