/** What a source can be brought back to and how long that takes, kept between requests until its images or WAL change. */
import type { SourceFacts } from '#lib/db/facts.ts'
import type { ImageFact } from '#lib/domain/facts.ts'
import { measuredRates } from '#lib/domain/drill.ts'
import { type PlanFacts, planRestore } from '#lib/domain/plan.ts'
import { recoverableWindow, type RecoverableWindow } from '#lib/domain/window.ts'
import type { Window } from '#lib/contract/shapes.ts'
import { formatLsn } from '#lib/postgres/lsn.ts'
import type { Console } from './console.ts'

export interface SourceView {
  images: readonly ImageFact[]
  window: RecoverableWindow
  latestPlanSeconds: number | null
  lastArchivedAt: number | null
}
/** By source; `mark` names the state of the catalog it was made from. An open gap grows with time, so a view lasts a minute at most. */
export type SourceMemory = Map<string, { mark: string; madeAt: number; view: SourceView }>

const LASTS_MS = 60_000

export async function viewSources(console: Console, sourceIds: readonly string[]): Promise<Map<string, SourceView>> {
  const { db, memory } = console
  const now = console.now().getTime()
  const marks = await db.facts.listFactMarks(sourceIds)
  const isFresh = (id: string): boolean => {
    const kept = memory.get(id)
    return kept !== undefined && kept.mark === marks.get(id) && now - kept.madeAt < LASTS_MS
  }
  const stale = sourceIds.filter((id) => !isFresh(id))
  // One source at a time: its WAL files may be many, and what is made of them is small.
  for (const id of stale) {
    const facts = (await db.facts.listFacts([id])).get(id)
    if (facts !== undefined) memory.set(id, { mark: marks.get(id) ?? '', madeAt: now, view: viewOf(facts, { volumes: await db.facts.sumVolumes(id), now, ...measuredRates(await db.drills.listMeasuredDrills(id)) }) })
  }
  return new Map(sourceIds.flatMap((id) => {
    const view = memory.get(id)?.view
    return view === undefined ? [] : [[id, view] as const]
  }))
}

function viewOf({ images, wal, abandoned }: SourceFacts, more: Omit<PlanFacts, 'images' | 'wal' | 'abandoned'>): SourceView {
  const latest = planRestore({ target: { kind: 'latest' } }, { images, wal, abandoned, ...more })
  const archived = wal.reduce((at, file) => Math.max(at, file.completedAt), 0)
  return { images, window: recoverableWindow({ images, wal, abandoned, now: more.now }), latestPlanSeconds: latest.ok ? latest.plan.estimatedSeconds : null, lastArchivedAt: archived === 0 ? null : archived }
}

const time = (at: number): string => new Date(at).toISOString()
const timeOrNull = (at: number | null): string | null => (at === null ? null : time(at))

/** As the API says it. */
export function shownWindow({ window, images }: Pick<SourceView, 'window' | 'images'>): Window {
  return {
    intervals: window.intervals.map((one) => ({ from: time(one.from), to: time(one.to), fromLsn: formatLsn(one.fromLsn), toLsn: formatLsn(one.toLsn), timeline: one.timeline, imageId: one.imageId })),
    gaps: window.gaps.map((gap) => ({ from: time(gap.from), to: time(gap.to), timeline: gap.timeline, reason: gap.reason, segments: gap.segments })),
    images: images.map((image) => ({ id: image.id, level: image.level, timeline: image.timeline, beginAt: time(image.beginAt), endAt: time(image.endAt), sizeBytes: image.storedBytes, verifiedAt: timeOrNull(image.verifiedAt) })),
    earliest: timeOrNull(window.earliest),
    latest: timeOrNull(window.latest),
  }
}
