/** How far the schedule of each set was looked at, and whether its images are due for expiry. */
import type { Tx } from './client.ts'

/** Never moves back: a clock that jumps must not start what was started. */
export async function updateScheduleSeen(db: Tx, setId: string, at: Date): Promise<void> {
  await db.backupSet.updateMany({ where: { id: setId, OR: [{ scheduleSeenAt: null }, { scheduleSeenAt: { lt: at } }] }, data: { scheduleSeenAt: at } })
}

export async function forgetScheduleSeen(db: Tx, setId: string): Promise<void> {
  await db.backupSet.updateMany({ where: { id: setId }, data: { scheduleSeenAt: null } })
}

/** What makes a set due for expiry, as a text that is new each time: a backup that ended after the last expiry began, or a new day. Null = not due, or something of it goes on. */
export async function findExpiryDue(db: Tx, setId: string, now: Date): Promise<string | null> {
  const rows = await db.$queryRaw<{ backupId: string | null; backupAt: Date | null; expiredAt: Date | null; busy: bigint; images: bigint }[]>`
    select (select r.id::text from "Run" r join "RunGroup" g on g.id = r."groupId" where g."setId" = ${setId}::uuid and r.kind = 'backup' and r.state in ('succeeded', 'strange') order by r."endedAt" desc limit 1) "backupId",
      (select max(r."endedAt") from "Run" r join "RunGroup" g on g.id = r."groupId" where g."setId" = ${setId}::uuid and r.kind = 'backup' and r.state in ('succeeded', 'strange')) "backupAt",
      (select max(r."createdAt") from "Run" r join "RunGroup" g on g.id = r."groupId" where g."setId" = ${setId}::uuid and r.kind = 'expire') "expiredAt",
      (select count(*) from "Run" r join "RunGroup" g on g.id = r."groupId" where g."setId" = ${setId}::uuid and (r.kind in ('backup', 'restore', 'drill', 'expire') or (r.kind = 'extract' and r.phase is distinct from 'open')) and r.state in ('queued', 'running', 'cancelling')) busy,
      (select count(*) from "Image" i join "Source" s on s.id = i."sourceId" where s."setId" = ${setId}::uuid) images`
  const row = rows[0]
  if (row === undefined || row.busy > 0n || row.images === 0n) return null
  if (row.backupAt !== null && (row.expiredAt === null || row.backupAt > row.expiredAt)) return `after ${row.backupId}`
  const day = now.toISOString().slice(0, 10)
  return row.expiredAt !== null && row.expiredAt.toISOString().slice(0, 10) < day ? `day ${day}` : null
}
