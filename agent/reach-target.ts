// Whether recovery to a time or a position finds the record it stops at. Without one PostgreSQL 13 and newer end the recovery with an error, although nothing is missing.
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lsn } from '#lib/postgres/lsn.ts'
import { parseSegmentName } from '#lib/postgres/wal.ts'
import { microsecondsOf, transactionEnds } from '#lib/postgres/wal-commits.ts'
import { walReader } from '#lib/postgres/wal-records.ts'
import { pathProblem } from './system-problem.ts'

const PAGE_BYTES = 8192
/** Ends of transactions are nearly in order: a segment whose newest lies so far before the target has none behind it in an older one. */
const DISORDER_MICROSECONDS = 600_000_000n

async function read(path: string, length: number): Promise<Buffer> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw pathProblem('read-failed', path, error)
  })
  try {
    const bytes = Buffer.alloc(length)
    return bytes.subarray(0, (await file.read(bytes, 0, length, 0)).bytesRead)
  } finally {
    await file.close()
  }
}

/** True when a transaction of the restored WAL ended after `time` (or at it, when recovery is to stop before it). Looks at the newest segments first. */
export async function reachesTime(archive: string, names: readonly string[], { time, isInclusive, segmentSizeBytes }: { time: string; isInclusive: boolean; segmentSizeBytes: number }): Promise<boolean> {
  const target = microsecondsOf(time)
  const segments = names.filter((name) => parseSegmentName(name.replace(/\.partial$/, ''), segmentSizeBytes) !== null)
  let following: Buffer | undefined
  for (const name of segments.toReversed()) {
    const bytes = await read(join(archive, name), segmentSizeBytes)
    let newest: bigint | null = null
    for (const ended of transactionEnds(bytes, following)) {
      if (isInclusive ? ended > target : ended >= target) return true
      if (newest === null || ended > newest) newest = ended
    }
    if (newest !== null && newest < target - DISORDER_MICROSECONDS) return false
    following = bytes.subarray(0, PAGE_BYTES)
  }
  return false
}

/** True when a record of the restored WAL begins at the position or after it. `names` are in the order of replay. */
export async function reachesPosition(archive: string, names: readonly string[], { position, segmentSizeBytes }: { position: Lsn; segmentSizeBytes: number }): Promise<boolean> {
  let isReached = false
  const reader = walReader((record) => void (isReached ||= record.lsn >= position), new Set())
  for (const name of names) {
    const range = parseSegmentName(name, segmentSizeBytes)
    if (range === null || range.end <= position) continue
    reader.push(await read(join(archive, name), segmentSizeBytes))
    if (isReached) return true
  }
  return false
}
