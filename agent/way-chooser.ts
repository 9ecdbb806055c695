// Chooses how large files are read or written: through the page cache or around it. Neither costs less on every disk, nor at every hour.

/** Goes in one way, whole; of a write as much as is sent off at once through the cache. */
export const STRETCH_BYTES = 32 << 20
/** Stretches until both ways are tried once more: disks and memory have good and bad times. */
const TRY_AGAIN_AFTER = 32

export type Way = 'cached' | 'direct'

export interface WayChooser {
  readonly way: Way
  /** What is left on its way around the cache after the stretch belongs to its cost. */
  readonly isTrial: boolean
  /** Milliseconds that the thread spent on a whole stretch. */
  spent(ms: number): void
}

/** Tries each way over one stretch, unless the first takes no more than `nothingMs`, and goes on with the cheaper one for a while. */
export function wayChooser(ways: readonly [Way, Way], nothingMs: number): WayChooser {
  let costs: number[] = []
  let since = 0
  return {
    get way() {
      return ways[costs.length] ?? ((costs[0] ?? 0) <= (costs[1] ?? 0) ? ways[0] : ways[1])
    },
    get isTrial() {
      return costs.length < ways.length
    },
    spent(ms) {
      if (costs.length < ways.length) costs.push(...(costs.length === 0 && ms <= nothingMs ? [ms, Infinity] : [ms]))
      else if (++since === TRY_AGAIN_AFTER) [costs, since] = [[], 0]
    },
  }
}
