/** What stays how long, and the preview of what would go. The worker expires by the same decision. */
import type { SetRow } from '#lib/db/sets.ts'
import { describeChanges, type ChangeLabels } from '#lib/domain/change.ts'
import { planExpiry, type Retention } from '#lib/domain/retention.ts'
import { countInWords } from '#lib/domain/words.ts'
import { changesInWords, record } from './audit.ts'
import type { Actor, Console } from './console.ts'
import { found, iso } from './invalid.ts'
import { raiseVersion } from './sets.ts'
import type { Input, Output } from './shapes.ts'

const labels: ChangeLabels<Retention> = {
  keepFulls: { label: 'Keep fulls', say: (count) => (count === null ? 'no rule' : countInWords(count, 'full')) },
  keepDays: { label: 'Keep days', say: (count) => (count === null ? 'no rule' : countInWords(count, 'day')) },
  minimumFulls: { label: 'Never fewer than', say: (count) => countInWords(count, 'full') },
}

/** Nothing goes by the save itself: the next run of expiry, after a backup or once a day, decides by the new rule. */
export async function setRetention(console: Console, actor: Actor, { id, expectedVersion, keepFulls, keepDays, minimumFulls }: Input<'set', 'setRetention'>): Promise<Output<'set', 'setRetention'>> {
  const set = found(await console.db.sets.findSet(id), 'backup set')
  const after = { keepFulls, keepDays, minimumFulls }
  const changes = describeChanges<Retention>(set, after, labels)
  if (changes.length === 0) return { changes, notice: null }
  const preview = await previewFor(console, set, after)
  await console.db.transaction(async (db) => {
    await raiseVersion(db, set, expectedVersion)
    await db.sets.updateSet(id, after)
    await record(db, console, actor, { action: 'set.setRetention', subject: set.name, subjectId: id, detail: changesInWords(changes) })
  })
  return { changes, notice: preview.expire.length + preview.walFiles === 0 ? 'Nothing that is stored goes by this.' : `Goes when expiry runs next: ${preview.text}` }
}

export async function previewRetention(console: Console, _actor: Actor, { id, ...retention }: Input<'set', 'previewRetention'>): Promise<Output<'set', 'previewRetention'>> {
  return previewFor(console, found(await console.db.sets.findSet(id), 'backup set'), retention)
}

const timeOrNull = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString())

async function previewFor({ db, now }: Console, set: SetRow, retention: Retention): Promise<Output<'set', 'previewRetention'>> {
  const sources = await db.sources.listSources({ setId: set.id })
  const facts = await db.facts.listFacts(sources.map((source) => source.id))
  const rows = new Map((await db.images.listImageRows({ setId: set.id })).map((image) => [image.id, image]))
  const plans = sources.map((source) => ({ source, plan: planExpiry({ ...(facts.get(source.id) ?? { images: [], wal: [] }), retention, now: now().getTime() }) }))
  const shown = (imageId: string) => {
    const image = rows.get(imageId)
    return image === undefined ? [] : [{ imageId, sourceName: image.sourceName, level: image.level, endAt: iso(image.endAt), storedBytes: image.storedBytes }]
  }
  const going = plans.filter(({ plan }) => plan.expire.length + plan.wal.names.length > 0)
  return {
    text: going.length === 0 ? 'Nothing goes.' : going.map(({ source, plan }) => (sources.length === 1 ? plan.text : `${source.name}: ${plan.text}`)).join(' '),
    expire: plans.flatMap(({ plan }) => plan.expire.flatMap(shown)),
    keep: plans.flatMap(({ plan }) => plan.keep.flatMap(({ id, reasons }) => shown(id).map(({ imageId, sourceName, level, endAt }) => ({ imageId, sourceName, level, endAt, reasons })))),
    walFiles: plans.reduce((sum, { plan }) => sum + plan.wal.names.length, 0),
    freedBytes: plans.reduce((sum, { plan }) => sum + plan.freedBytes, 0),
    sources: plans.map(({ source, plan }) => ({ sourceName: source.name, earliestBefore: timeOrNull(plan.earliestBefore), earliestAfter: timeOrNull(plan.earliestAfter) })),
  }
}
