/** Which level the next backup of a source gets, on which base, and why. */
import { segmentBefore, segmentOf } from '#lib/postgres/wal.ts'
import { chainOf, dataChainOf } from './chain.ts'
import type { ImageFact, WalFact } from './facts.ts'
import { isOnPath, missingOn, pathOf, stretchOf, systemsOf, timelinesOf } from './reach.ts'
import type { SettingValues } from './settings.ts'
import { countInWords, momentInWords } from './words.ts'

export interface LevelFacts {
  images: readonly ImageFact[]
  wal: readonly WalFact[]
  settings: Pick<SettingValues, 'levelRule' | 'maxLevel' | 'noIncremental' | 'incrementalMethod'>
  cycleDays: number
  now: number
  /** When the schedule next starts a backup that could be a full; absent = not scheduled. */
  nextAutoAt?: number | null
  /** Set when the chain broke; the next backup is a full for this reason. */
  needsFullReason: string | null
  /** Of the server as it is; null = not known yet. */
  systemIdentifier: string | null
  /** The timeline the server writes; absent = the newest one stored. */
  timeline?: number | null
}

/** `notice` is for a person who asked for something else than what is done, or who should know that a chain ended. */
export interface LevelChoice {
  level: number
  base: ImageFact | null
  reason: string
  notice: string | null
}

const DAY_MS = 86_400_000
/** A clock change or a queue must not pull the full to the day before. */
const CYCLE_SLACK_MS = 2 * 3_600_000

/**
 * Images that the next incremental may stand on, in the order of their ends: same system, whole chain, on the server's
 * timeline. For WAL alone no segment may be missing from the full's begin to the newest one stored; changed blocks need
 * files all along their chain and no WAL but their own.
 */
export function validBases(facts: Pick<LevelFacts, 'images' | 'wal' | 'systemIdentifier' | 'timeline'>, method: SettingValues['incrementalMethod'] = 'wal'): { bases: ImageFact[]; why: string } {
  if (facts.images.length === 0) return { bases: [], why: 'there is no image yet' }
  const newest = facts.images.toSorted((a, b) => a.endAt - b.endAt).at(-1)
  const wanted = facts.systemIdentifier ?? newest?.systemIdentifier
  const system = systemsOf(facts.images, facts.wal).findLast(one => one.systemIdentifier === wanted)
  if (system === undefined) return { bases: [], why: `the data directory was initialised anew: its system identifier is ${wanted}, that of the images ${newest?.systemIdentifier}` }
  const timeline = facts.timeline ?? timelinesOf(system).at(-1) ?? 1
  const path = pathOf(timeline, system)
  const reasons: string[] = []
  const bases = system.images.filter(image => {
    const chain = chainOf(image, system.images)
    if ('missing' in chain) return void reasons.push(`image ${chain.missing} of its chain is missing`)
    const [root] = chain
    if (root === undefined || chain.some(one => !isOnPath(path, one))) {
      return void reasons.push(path.isHistoryKnown ? `the images are not part of the history of timeline ${timeline}` : `the history file of timeline ${timeline} is not stored`)
    }
    if (method === 'blocks') return dataChainOf(image, system.images) !== null
    const stretch = stretchOf(path, root.beginLsn, image.endLsn)
    if (stretch !== undefined && stretch === path.stretches.at(-1)) return true
    const from = Number(segmentOf(root.beginLsn, path.segmentSizeBytes))
    const to = Math.max(path.stretches.at(-1)?.last ?? 0, Number(segmentBefore(image.endLsn, path.segmentSizeBytes)))
    const missing = missingOn(path, from, to, 1)
    return void reasons.push(missing.count === 1 ? `WAL segment ${missing.names[0]} is missing` : `${countInWords(missing.count, 'WAL segment')} are missing, the first is ${missing.names[0]}`)
  })
  return { bases: bases.toSorted((a, b) => (a.endLsn < b.endLsn ? -1 : a.endLsn > b.endLsn ? 1 : a.endAt - b.endAt || a.level - b.level)), why: reasons.at(-1) ?? 'no image fits' }
}

const full = (reason: string, notice: string | null = null): LevelChoice => ({ level: 0, base: null, reason, notice })

/** Level and base of the next backup. Level n holds everything since the newest image of a lower level. */
export function chooseLevel(request: 'auto' | 'full' | 'incremental', facts: LevelFacts): LevelChoice {
  if (request === 'full') return full('A full was asked for.')
  const told = (why: string): LevelChoice => full(why, `A full is taken instead of an incremental. ${why}`)
  if (facts.settings.noIncremental) return request === 'auto' ? full('This source is set to full backups only.') : told('This source is set to full backups only.')
  if (facts.needsFullReason !== null) return told(facts.needsFullReason)
  if (request === 'auto' && facts.images.length === 0) return full('It is the first backup of this source.')
  const { bases, why } = validBases(facts, facts.settings.incrementalMethod)
  const last = bases.at(-1)
  if (last === undefined) return told(`No image can be its base: ${why}.`)
  const lastFull = bases.findLast(image => image.level === 0)
  if (request === 'auto') {
    const due = facts.images.filter(image => image.level === 0).reduce((at, image) => Math.max(at, image.endAt), 0) + facts.cycleDays * DAY_MS
    const next = facts.nextAutoAt ?? null
    if (facts.now >= due) return full(`The last full is older than the cycle of ${countInWords(facts.cycleDays, 'day')}.`)
    if (next !== null && next > due + CYCLE_SLACK_MS) return full(`The next backup would come ${momentInWords(next)}, after the cycle of ${countInWords(facts.cycleDays, 'day')} has ended.`)
  }
  const base = facts.settings.levelRule === 'since-full' ? lastFull : last
  if (base === undefined) return told('No full can be its base.')
  const level = base.level + 1
  if (level > facts.settings.maxLevel) return full(`The last incremental has level ${base.level}, the highest allowed.`, request === 'auto' ? null : `A full is taken instead of an incremental. Level ${base.level} is the highest allowed.`)
  return { level, base, reason: `Everything since the ${base.level === 0 ? 'full' : `level ${base.level} image`} of ${momentInWords(base.endAt)}.`, notice: null }
}
