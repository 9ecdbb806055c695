/** The audit trail: entries chained by hash, appended one at a time. */
import { createHash } from 'node:crypto'
import type { Tx } from './client.ts'
import type { AuditEntry } from './generated/client.ts'

export interface AuditInput {
  at: Date
  actorId: string | null
  actorName: string
  action: string
  subject: string
  subjectId: string | null
  detail: string | null
}

export const firstHash = '0'.repeat(64)

/** Covers every column but `seq`, and through `previousHash` every entry before. */
export function auditHash(entry: AuditInput, previousHash: string): string {
  const { at, actorId, actorName, action, subject, subjectId, detail } = entry
  return createHash('sha256').update(JSON.stringify([previousHash, at.toISOString(), actorId, actorName, action, subject, subjectId, detail])).digest('hex')
}

/** Any number that no other lock of the catalog uses: appends wait for each other, so that each sees the last hash. */
const auditLock = 7_320_001

/** Belongs into the transaction of what it records. */
export async function insertAudit(db: Tx, entry: AuditInput): Promise<void> {
  await db.$executeRaw`select pg_advisory_xact_lock(${auditLock}::bigint)`
  const last = await db.auditEntry.findFirst({ orderBy: { seq: 'desc' }, select: { hash: true } })
  const previousHash = last?.hash ?? firstHash
  await db.auditEntry.create({ data: { ...entry, previousHash, hash: auditHash(entry, previousHash) } })
}

/** Newest first. */
export async function listAudit(db: Tx, { before, limit }: { before?: number | undefined; limit: number }): Promise<AuditEntry[]> {
  return db.auditEntry.findMany({ where: before === undefined ? {} : { seq: { lt: before } }, orderBy: { seq: 'desc' }, take: limit })
}

/** The first entry whose hash does not fit, or null when the whole chain is as it was written. */
export async function findBrokenAudit(db: Tx): Promise<number | null> {
  let previousHash = firstHash
  let after = 0
  for (;;) {
    const entries = await db.auditEntry.findMany({ where: { seq: { gt: after } }, orderBy: { seq: 'asc' }, take: 1000 })
    for (const entry of entries) {
      if (entry.previousHash !== previousHash || entry.hash !== auditHash(entry, previousHash)) return entry.seq
      previousHash = entry.hash
      after = entry.seq
    }
    if (entries.length < 1000) return null
  }
}
