// Reads an index, or one writer's part of it, from a file piece by piece. Synchronous: it runs in worker threads.
import { closeSync, openSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import { type IndexEntry, indexReader } from '#lib/image/index.ts'

const CHUNK_BYTES = 1 << 20

/** All entries one after another; of one stripe if given. Throws storage-corrupt, naming file and byte, if it is cut short or no index. */
export function* entriesOfIndex(path: string, options: Parameters<typeof indexReader>[0] = {}): Generator<IndexEntry> {
  const reader = indexReader(options)
  const fd = openSync(path, 'r')
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
      const got = readSync(fd, chunk)
      if (got === 0) break
      yield* reader.push(chunk.subarray(0, got))
    }
    reader.end()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw problem('storage-corrupt', `${basename(path)}: ${error.message}`, { hint: 'Verify the image this index belongs to, and use another one.', cause: error })
  } finally {
    closeSync(fd)
  }
}
