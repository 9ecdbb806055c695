// In a worker thread: the content of INCREMENTAL files until it is put into the files that it changes. It lies one after another in one file of each thread, and a table that all threads share says where.
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { type Change, readChange } from './merge-blocks.ts'

/** Of each file in each image: the thread that keeps it, counted from 1 (0 = nobody does), where it begins there, and its bytes. */
const FIELDS = 3

/** The table for so many files in so many images; images are counted from 0, the full. */
export interface ChangesTable {
  images: number
  rows: Float64Array
}
export const changesTable = (files: number, images: number): ChangesTable => ({ images, rows: new Float64Array(new SharedArrayBuffer(8 * FIELDS * files * images)) })

export interface KeptChanges {
  /** Appends what `write` writes to the file descriptor, `bytes` in all, as the changes of a file in an image. */
  keep(file: number, image: number, bytes: number, write: (fd: number) => void): void
  /** Changes of a file, those of image `first` to those of image `last`; null = one of them holds nothing of it. Good until `close`. */
  of(file: number, first: number, last: number): Change[] | null
  /** Ends the use of all files for now; what was kept stays. */
  close(): void
}

/** `folder` holds the files of all threads; this one appends to that of its `number`. */
export function keptChanges(folder: string, number: number, { images, rows }: ChangesTable): KeptChanges {
  const readers = new Map<number, number>()
  let writer: number | null = null
  let end = 0
  const pathOf = (thread: number): string => join(folder, `thread-${thread}`)
  const rowOf = (file: number, image: number): number => (file * images + image) * FIELDS
  const readerOf = (thread: number): number => {
    const fd = readers.get(thread) ?? openSync(pathOf(thread), 'r')
    readers.set(thread, fd)
    return fd
  }
  return {
    keep(file, image, bytes, write) {
      writer ??= openSync(pathOf(number), 'a', 0o600)
      write(writer)
      rows.set([number + 1, end, bytes], rowOf(file, image))
      end += bytes
    },
    of(file, first, last) {
      const changes: Change[] = []
      for (let image = first; image <= last; image += 1) {
        const [thread = 0, at = 0, bytes = 0] = rows.subarray(rowOf(file, image), rowOf(file, image) + FIELDS)
        if (thread === 0) return null
        changes.push(readChange({ fd: readerOf(thread - 1), at, bytes }))
      }
      return changes
    },
    close() {
      for (const fd of readers.values()) closeSync(fd)
      readers.clear()
      if (writer !== null) closeSync(writer)
      writer = null
    },
  }
}
