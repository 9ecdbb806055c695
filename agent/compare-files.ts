// In a worker thread: tells which files of an earlier copy are what an image holds, and removes what the image does not hold.
import { createHash } from 'node:crypto'
import { closeSync, fstatSync, lstatSync, openSync, read, readdirSync, readSync, rmSync, type Stats, statSync } from 'node:fs'
import { contentProver, type WantedContent } from '#lib/image/file-reader.ts'
import type { IndexEntry } from '#lib/image/index.ts'
import { entryPathBytes } from '#lib/image/index.ts'
import { alignedBuffers, isRefused, openAround } from './around-cache.ts'
import { hasCode } from './system-problem.ts'
import { STRETCH_BYTES, type Way, wayChooser, type WayChooser } from './way-chooser.ts'

const CHUNK_BYTES = 1 << 20
/** From this size on a file may be read around the page cache. */
export const LARGE_BYTES = 4 << 20
/** A stretch that was waited for no longer came from memory, or from a disk as fast. */
const NOTHING_MS = 8
/** While one piece is digested the disk reads the next ones. */
const PIECES = 3
const pieces = alignedBuffers(PIECES, CHUNK_BYTES)
const [chunk] = pieces as [Buffer, ...Buffer[]]

/** Hears of pieces in their order, whose memory is used again; false = it needs no more of them. May throw. */
type Take = (piece: Buffer) => boolean
/** Reads from `from` on until the end of the file, until `until`, or until `take` needs no more; `waited` hears what each piece was waited for, in milliseconds. */
type Read = (place: { from: number; until: number; take: Take; waited: (ms: number) => void }) => Promise<void> | void

/** Through the page cache, which knows by itself what is wanted next. */
const throughCache = (fd: number) => ({ from, until, take, waited }: Parameters<Read>[0]): void => {
  for (let at = from; at < until; ) {
    const begin = performance.now()
    const got = readSync(fd, chunk, 0, Math.min(CHUNK_BYTES, until - at), at)
    waited(performance.now() - begin)
    if (got === 0 || !take(chunk.subarray(0, got))) return
    at += got
  }
}

/** What is there from `from` on. */
const readRest = (fd: number, take: Take, from = 0): void => throughCache(fd)({ from, until: Infinity, take, waited: () => {} })

/** Of the whole file, through the page cache. */
export function digestOf(fd: number, onPiece: (bytes: number) => void): { sha256: string; size: number } {
  const hash = createHash('sha256')
  let size = 0
  readRest(fd, (piece) => {
    onPiece(piece.length)
    hash.update(piece)
    size += piece.length
    return true
  })
  return { sha256: hash.digest('hex'), size }
}

export const bytesAt = (fd: number, into: Buffer, position: number): Promise<number> =>
  new Promise((resolve, reject) => read(fd, into, 0, into.length, position, (error, count) => (error === null ? resolve(count) : reject(error))))

/** Around the page cache: while one piece is taken the disk reads the next ones. */
const aroundCache = (around: number): Read => async ({ from, until, take, waited }) => {
  let position = from
  const next = (piece: Buffer) => {
    if (position >= until) return
    const arrives = bytesAt(around, piece, position)
    arrives.catch(() => {}) // heard in its turn
    position += CHUNK_BYTES
    ahead.push({ piece, arrives })
  }
  const ahead: { piece: Buffer; arrives: Promise<number> }[] = []
  for (const piece of pieces) next(piece)
  try {
    for (let first = ahead.shift(); first !== undefined; first = ahead.shift()) {
      const begin = performance.now()
      const got = await first.arrives
      waited(performance.now() - begin)
      if (!take(first.piece.subarray(0, got)) || got < CHUNK_BYTES) return
      next(first.piece)
    }
  } finally {
    await Promise.allSettled(ahead.map(({ arrives }) => arrives)) // their memory is used again
  }
}

/** Each stretch in the way that has the thread wait less: through the cache what is in memory, or what a disk gives best so; else around it, which leaves alone what the servers of the host keep there. */
async function readLarge(path: string | Buffer, fd: number, { take, chooser }: { take: Take; chooser: WayChooser }): Promise<void> {
  const around = openAround(path, 'read')
  if (around === null) return readRest(fd, take)
  const ways = { direct: aroundCache(around), cached: throughCache(fd) } satisfies Record<Way, Read>
  let [at, goesOn] = [0, true]
  const counted: Take = (piece) => {
    at += piece.length
    return (goesOn = take(piece))
  }
  try {
    for (let from = 0; at === from && goesOn; from += STRETCH_BYTES) {
      let cost = 0
      await ways[chooser.way]({ from, until: from + STRETCH_BYTES, take: counted, waited: (ms) => void (cost += ms) })
      if (at === from + STRETCH_BYTES) chooser.spent(cost)
    }
  } catch (error) {
    if (!isRefused(error)) throw error
    readRest(fd, take, at)
  } finally {
    closeSync(around)
  }
}

/** One for each thread that compares. */
export const readChooser = (): WayChooser => wayChooser(['cached', 'direct'], NOTHING_MS)

/** A path as bytes, in a string that compares and splits: names need not be UTF-8. */
export const latinPath = (entry: Pick<IndexEntry, 'path' | 'pathBase64'>): string => entryPathBytes(entry).toString('latin1')

const COST_OF_A_FILE = 64 * 1024

/** Deals out files: each goes to whoever has least to read so far. True = it is this share's. */
function dealer(share: number, of: number): (file: { size: number }) => boolean {
  const loads = Array.from({ length: of }, () => 0)
  return ({ size }) => {
    const least = loads.indexOf(Math.min(...loads))
    loads[least] = (loads[least] ?? 0) + size + COST_OF_A_FILE
    return least === share
  }
}

/**
 * This share of the files; every thread comes to the same answer by itself. Small ones come first and are dealt out by themselves, so that all are done with
 * them together: each waits for the disk once, and ten times as long while a large one keeps it busy. The large follow, the largest first.
 */
export function* shareOf<T extends { size: number }>(files: Iterable<T>, share: number, of: number): Generator<T> {
  const large: T[] = []
  const isMine = dealer(share, of)
  for (const file of files) {
    if (file.size >= LARGE_BYTES) large.push(file)
    else if (isMine(file)) yield file
  }
  yield* large.toSorted((a, b) => b.size - a.size).filter(dealer(share, of))
}

/** Size of a file that is there instead, 0 where there is none; null = it is exactly what is wanted. `onPiece` hears of every byte of it, also of those that need not be read any more. */
export async function differenceOf(path: string | Buffer, wanted: WantedContent, { onPiece, onSame, chooser }: { onPiece: (bytes: number) => void; onSame: (fd: number, facts: Stats) => void; chooser: WayChooser }): Promise<number | null> {
  const facts = lstatSync(path, { throwIfNoEntry: false })
  if (facts?.isFile() !== true) return 0
  if (facts.size !== wanted.size) return facts.size
  const fd = openSync(path, 'r')
  try {
    const prover = contentProver(wanted)
    let seen = 0
    const take: Take = (piece) => {
      onPiece(piece.length)
      seen += piece.length
      prover.add(piece)
      return prover.isSame
    }
    if (facts.size >= LARGE_BYTES) await readLarge(path, fd, { take, chooser })
    else readRest(fd, take)
    prover.end()
    if (!prover.isSame || fstatSync(fd).size !== wanted.size) {
      onPiece(Math.max(0, wanted.size - seen))
      return facts.size
    }
    onSame(fd, facts)
    return null
  } finally {
    closeSync(fd)
  }
}

/** Removes below `top` whatever `wanted` does not name as a file or a directory; a pg_wal elsewhere stays a link. Paths are latin1 below `top`; `prefix` stands before them in `wanted`. */
export function removeOthers(top: string, wanted: ReadonlyMap<string, IndexEntry['type']>, prefix = ''): number {
  let removed = 0
  const walk = (below: string): void => {
    const names = readdirSync(pathIn(top, below), { encoding: 'latin1', withFileTypes: true })
    for (const name of names) {
      const path = below === '' ? name.name : `${below}/${name.name}`
      const isDirectory = name.isDirectory() || (path === 'pg_wal' && name.isSymbolicLink() && isDirectoryAt(pathIn(top, path)))
      const type = wanted.get(prefix === '' ? path : `${prefix}/${path}`)
      if (isDirectory && type === 'dir') walk(path)
      else if (!name.isFile() || type !== 'file') {
        rmSync(pathIn(top, path), { recursive: true })
        removed += 1
      }
    }
  }
  walk('')
  return removed
}

const pathIn = (top: string, below: string): Buffer => (below === '' ? Buffer.from(top) : Buffer.concat([Buffer.from(`${top}/`), Buffer.from(below, 'latin1')]))

function isDirectoryAt(path: Buffer): boolean {
  try {
    return statSync(path).isDirectory()
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}
