/** How fast an archive directory grows, and when its file system is full at that pace. */

export interface ArchiveLook { bytes: number; at: number }

const DAY_MS = 86_400_000
/** Half of what is known of the pace is forgotten in an hour, so that one busy minute alarms nobody and a collection that stopped does. */
const HALF_LIFE_MS = 3_600_000

/** Bytes a day, negative while it shrinks: an average in which older looks count ever less. The first look knows nothing. */
export function growthOf(before: (ArchiveLook & { growth: number | null }) | null, look: ArchiveLook): number | null {
  if (before === null) return null
  const passedMs = look.at - before.at
  if (passedMs <= 0) return before.growth
  const pace = ((look.bytes - before.bytes) / passedMs) * DAY_MS
  const kept = 0.5 ** (passedMs / HALF_LIFE_MS)
  return (before.growth ?? 0) * kept + pace * (1 - kept)
}

/** The moment when nothing more fits; null while it does not grow. */
export const fullAt = ({ freeBytes, growth, seenAt }: { freeBytes: number; growth: number | null; seenAt: number }): number | null =>
  growth === null || growth <= 0 ? null : seenAt + (freeBytes / growth) * DAY_MS
