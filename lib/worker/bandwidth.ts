/** Bandwidth caps: all that passes between this worker and hosts waits its turn, so that sets and hosts keep to their bytes per second. */
import { setTimeout as sleep } from 'node:timers/promises'

/** 'set <id>' or 'host <id>'; everything of one key shares its bytes. */
export interface Limit { key: string; bytesPerSecond: number }

export interface Lane {
  /** Returns when so many bytes may have passed; throws when the signal is aborted. `waiting` is called at least once a second. */
  pace(bytes: number, options?: { signal?: AbortSignal; waiting?: () => void }): Promise<void>
  /** Its limits no longer count. */
  close(): void
}

export interface Bandwidth {
  /** Limits of 0 are none. Where lanes of one key say different limits, the lowest counts as long as its lane is open. */
  open(limits: readonly Limit[]): Lane
}

export interface BandwidthParts {
  now: () => number
  wait: (ms: number, signal?: AbortSignal) => Promise<void>
  /** Among how many workers a key's bytes are shared at the moment. */
  sharers: (key: string) => Promise<number>
}

/** So much may pass at once after a pause, such as one between two files: else short pauses would add up to a lower rate. */
const BURST_MS = 500
const SLICE_MS = 1_000
const SHARERS_FRESH_MS = 5_000

interface Bucket { lanes: Set<Limit>; freeAtMs: number; sharers: number; askedAtMs: number }

const timer: BandwidthParts = { now: () => performance.now(), wait: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }), sharers: () => Promise.resolve(1) }

export function createBandwidth(given: Partial<BandwidthParts> = {}): Bandwidth {
  const { now, wait, sharers } = { ...timer, ...given }
  const buckets = new Map<string, Bucket>()

  /** Until when the bytes of this key are spoken for, with these. */
  function book(key: string, bucket: Bucket, bytes: number): number {
    if (now() - bucket.askedAtMs > SHARERS_FRESH_MS) {
      bucket.askedAtMs = now()
      // An old number is good enough until the new one is there, and when the catalog is away.
      void sharers(key).then(count => (bucket.sharers = Math.max(1, count)), () => undefined)
    }
    const rate = Math.min(...[...bucket.lanes].map(limit => limit.bytesPerSecond)) / bucket.sharers
    bucket.freeAtMs = Math.max(bucket.freeAtMs, now() - BURST_MS) + (bytes / rate) * 1000
    return bucket.freeAtMs
  }

  return {
    open(limits) {
      const own = limits.filter(limit => limit.bytesPerSecond > 0).map(limit => {
        const bucket = buckets.get(limit.key) ?? { lanes: new Set<Limit>(), freeAtMs: 0, sharers: 1, askedAtMs: Number.NEGATIVE_INFINITY }
        buckets.set(limit.key, bucket)
        bucket.lanes.add(limit)
        return { limit, bucket }
      })
      return {
        async pace(bytes, { signal, waiting } = {}) {
          if (own.length === 0) return
          const until = Math.max(...own.map(({ limit, bucket }) => book(limit.key, bucket, bytes)))
          for (let left = until - now(); left > 0; left = until - now()) {
            await wait(Math.min(left, SLICE_MS), signal)
            waiting?.()
          }
        },
        close() {
          for (const { limit, bucket } of own) {
            bucket.lanes.delete(limit)
            if (bucket.lanes.size === 0) buckets.delete(limit.key)
          }
        },
      }
    },
  }
}

/** The caps that hold for what a source's set moves to or from a host. */
export const limitsOf = ({ setId, hostId, settings }: { setId: string; hostId: string; settings: { bandwidthBytesPerSecond: number; hostBandwidthBytesPerSecond: number } }): Limit[] => [
  { key: `set ${setId}`, bytesPerSecond: settings.bandwidthBytesPerSecond },
  { key: `host ${hostId}`, bytesPerSecond: settings.hostBandwidthBytesPerSecond },
]
