/** How much WAL of a source is not in storage yet, and since when: what would be lost if the host burnt down this moment. */
import { lsn } from '#lib/postgres/lsn.ts'
import type { Lsn } from '#lib/postgres/lsn.ts'

export interface BacklogFacts {
  currentLsn: Lsn
  segmentSizeBytes: number
  /** Newest segment in storage on the server's timeline; null = none. */
  newest: { endLsn: bigint; completedAt: number } | null
  before: { backlogBytes: number | null; backlogSince: number | null; newestEnd: bigint | null }
  now: number
}

/** Bytes of a segment that hold no record: SizeOfXLogLongPHD of src/include/access/xlog_internal.h. */
const FIRST_PAGE_HEADER_BYTES = 40n

/** A server that has written nothing since its last segment has no backlog, however long ago that was. */
export function backlogOf({ currentLsn, segmentSizeBytes, newest, before, now }: BacklogFacts): { backlogBytes: number; backlogSince: number | null } {
  const size = BigInt(segmentSizeBytes)
  const stored = newest === null ? lsn((currentLsn / size) * size) : newest.endLsn
  const bytes = currentLsn - stored
  if (bytes <= FIRST_PAGE_HEADER_BYTES) return { backlogBytes: 0, backlogSince: null }
  const hasAdvanced = newest !== null && newest.endLsn !== before.newestEnd
  const since = before.backlogSince === null ? now : hasAdvanced ? Math.max(before.backlogSince, newest.completedAt) : before.backlogSince
  return { backlogBytes: Number(bytes), backlogSince: since }
}
