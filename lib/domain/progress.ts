/** Rate and time left of a run from its progress samples, smoothed so that the numbers can be read. */

export interface ProgressSample {
  at: number
  doneBytes: number
}

export interface Progress {
  /** Null until two samples lie apart, and when nothing has moved for the whole span looked at. */
  bytesPerSecond: number | null
  secondsLeft: number | null
  /** 0 … 1; null while the total is unknown. */
  fraction: number | null
  /** Seconds since a byte last moved. */
  stalledSeconds: number
}

/** How fast the past is forgotten: after this long a sample weighs about a third. */
const MEMORY_MS = 20_000
/** A pause this long makes the rate unknown rather than a memory. */
const STALLED_MS = 60_000

/**
 * Samples in any order; equal times and bytes that go back (a resumed transfer) are taken as standstill. The rate is the
 * bytes per second of each step, weighed by its length and by its age, with the time since the last sample as a step without bytes.
 */
export function progressOf(samples: readonly ProgressSample[], { totalBytes, now }: { totalBytes: number | null; now: number }): Progress {
  const ordered = samples.toSorted((a, b) => a.at - b.at)
  const last = ordered.at(-1)
  const doneBytes = last?.doneBytes ?? 0
  let movedAt = ordered[0]?.at ?? now
  let bytes = 0
  let milliseconds = 0
  const decay = (span: number): number => Math.exp(-span / MEMORY_MS)
  const step = (span: number, moved: number): void => {
    bytes = bytes * decay(span) + moved * spread(span)
    milliseconds = milliseconds * decay(span) + span * spread(span)
  }
  for (const [index, sample] of ordered.entries()) {
    const previous = ordered[index - 1]
    if (previous === undefined) continue
    const moved = Math.max(0, sample.doneBytes - previous.doneBytes)
    if (moved > 0) movedAt = sample.at
    if (sample.at > previous.at) step(sample.at - previous.at, moved)
  }
  // Samples come every second or so: only a longer silence counts as standstill.
  const silence = last === undefined ? 0 : Math.max(0, now - last.at - 2000)
  if (milliseconds > 0 && silence > 0) step(silence, 0)

  const rate = milliseconds > 0 && now - movedAt < STALLED_MS ? (bytes / milliseconds) * 1000 : 0
  const bytesPerSecond = rate > 0 ? rate : null
  const left = totalBytes === null ? null : Math.max(0, totalBytes - doneBytes)
  return {
    bytesPerSecond,
    secondsLeft: left === 0 ? 0 : left === null || bytesPerSecond === null ? null : left / bytesPerSecond,
    fraction: totalBytes === null ? null : totalBytes === 0 ? 1 : Math.min(1, doneBytes / totalBytes),
    stalledSeconds: Math.max(0, now - movedAt) / 1000,
  }
}

/** Mean weight over a step that ended now, for the decay within the step itself. */
const spread = (span: number): number => (MEMORY_MS / span) * (1 - Math.exp(-span / MEMORY_MS))
