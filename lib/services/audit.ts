/** Every change, run, restore and deletion leaves an entry, in the transaction of what it records. */
import type { Catalog } from '#lib/db/catalog.ts'
import type { Change } from '#lib/domain/change.ts'
import type { Actor, Console } from './console.ts'

export interface Deed {
  /** Name of the operation, such as `set.update`. */
  action: string
  /** What it was done to, by name. */
  subject: string
  subjectId?: string | null
  detail?: string | null
}

export async function record(db: Catalog, { now }: Pick<Console, 'now'>, actor: Pick<Actor, 'id' | 'name'>, { action, subject, subjectId = null, detail = null }: Deed): Promise<void> {
  await db.audit.insertAudit({ at: now(), actorId: actor.id, actorName: actor.name, action, subject, subjectId, detail })
}

/** 'Name: a → b; Port: 1 → 2'; null when nothing changed. */
export const changesInWords = (changes: readonly Change[]): string | null => (changes.length === 0 ? null : changes.map(({ field, before, after }) => `${field}: ${before} → ${after}`).join('; '))
