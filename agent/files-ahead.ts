// Brings small files into memory several at a time where each would be waited for by itself: a disk gives several in little more than the time of one.
import { closeSync, constants, lstatSync, openSync } from 'node:fs'
import { bytesAt, LARGE_BYTES } from './compare-files.ts'
import { isSystemError } from './system-problem.ts'

/** A file that was dealt with in less time came from memory. */
const NOTHING_MS = 0.1
/** So many more than those from memory make it a disk: any one may have been kept by something else, and the first ones by code that is new. */
const WAITED_FOR = 4
const GROUP = 32
const MOST_BYTES = 1 << 20

/** Where content goes that only the page cache is to have. */
let nowhere: Buffer | undefined

/** Into the page cache, its first `MOST_BYTES`. Whatever is wrong with the file, its reader finds as well, and says. */
async function bringIn(path: string | Buffer): Promise<void> {
  try {
    // A pipe that nobody writes to would keep whoever opens it waiting for ever.
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      await bytesAt(fd, (nowhere ??= Buffer.allocUnsafeSlow(MOST_BYTES)), 0)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    if (!isSystemError(error)) throw error
  }
}

function taken<T>(from: Iterator<T>, count: number): T[] {
  const files: T[] = []
  while (files.length < count) {
    const next = from.next()
    if (next.done === true) break
    files.push(next.value)
  }
  return files
}

export interface FilesAhead<T> {
  pathOf: (file: T) => string | Buffer
  bring?: (path: string | Buffer) => Promise<void>
  now?: () => number
}

/**
 * The files one after another, in their order. Where the reader of small ones comes back later than from memory, the next ones are brought into memory before they
 * come, and one more tells whether to go on so: what is in memory is read sooner by its reader alone. Large ones are left to their reader.
 */
export async function* filesAhead<T extends { size: number }>(files: Iterable<T>, { pathOf, bring = bringIn, now = () => performance.now() }: FilesAhead<T>): AsyncGenerator<T> {
  const isSmall = ({ size }: T): boolean => size > 0 && size < LARGE_BYTES
  const left = files[Symbol.iterator]()
  let waitedFor = 0
  try {
    for (let [file] = taken(left, 1); file !== undefined; [file] = taken(left, 1)) {
      const begin = now()
      yield file
      if (!isSmall(file)) continue
      waitedFor = now() - begin < NOTHING_MS ? Math.max(0, waitedFor - 1) : waitedFor + 1
      if (waitedFor < WAITED_FOR) continue
      waitedFor -= 1
      const next = taken(left, GROUP)
      await Promise.all(next.filter(isSmall).map((one) => bring(pathOf(one))))
      yield* next
    }
  } finally {
    left.return?.()
  }
}
