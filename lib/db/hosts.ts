/** Hosts with what their last description found. The sealed sign-in leaves this file only by `findHostSecret`. */
import type { FoundCluster } from '#lib/domain/found.ts'
import type { Tx } from './client.ts'
import type { Prisma } from './generated/client.ts'
import { plain } from './plain.ts'

const withFound = {
  tools: { select: { name: true, path: true, version: true }, orderBy: { path: 'asc' } },
  clusters: { omit: { id: true, hostId: true }, orderBy: { dataDirectory: 'asc' } },
  sources: { select: { id: true, name: true, set: { select: { name: true } } }, orderBy: { name: 'asc' } },
} as const satisfies Prisma.HostInclude
const shown = { omit: { secretSealed: true }, include: withFound } as const

type Found = Prisma.HostGetPayload<typeof shown>

function hostRow({ clusters, sources, ...host }: Found) {
  return { ...plain(host), clusters: clusters.map(foundCluster), sources: sources.map(({ id, name, set }) => ({ id, name, setName: set.name })) }
}
export type HostRow = ReturnType<typeof hostRow>

const foundCluster = (cluster: Found['clusters'][number]): FoundCluster => Object.fromEntries(Object.entries(cluster).filter(([, value]) => value !== null)) as FoundCluster

export async function listHosts(db: Tx): Promise<HostRow[]> {
  return (await db.host.findMany({ ...shown, orderBy: { name: 'asc' } })).map(hostRow)
}

export async function findHost(db: Tx, id: string): Promise<HostRow | null> {
  const host = await db.host.findUnique({ ...shown, where: { id } })
  return host === null ? null : hostRow(host)
}

export const findHostIdByName = async (db: Tx, name: string): Promise<string | null> => (await db.host.findUnique({ where: { name }, select: { id: true } }))?.id ?? null

export const findHostSecret = async (db: Tx, id: string): Promise<string | null> => (await db.host.findUnique({ where: { id }, select: { secretSealed: true } }))?.secretSealed ?? null

export interface HostFields {
  name: string
  address: string
  port: number
  user: string
  runAs: string | null
  stateDirectory?: string | null
  comment: string
}

export async function insertHost(db: Tx, host: HostFields & { signIn: 'password' | 'key'; secretSealed: string }): Promise<HostRow> {
  return hostRow(await db.host.create({ data: host, ...shown }))
}

/** Another address or port is another machine until a person confirms its key: what was pinned and found is forgotten with `forgetKey`. */
export async function updateHost(db: Tx, id: string, change: HostFields & { signIn?: 'password' | 'key'; secretSealed?: string }, forgetKey: boolean): Promise<HostRow> {
  const forgotten = { hostKey: null, hostKeyFingerprint: null, hostKeyConfirmedAt: null, hostKeyConfirmedBy: null, offeredKey: null, offeredKeyFingerprint: null, offeredKeyAt: null, offlineReason: null, offlineSince: null }
  return hostRow(await db.host.update({ where: { id }, data: { ...change, ...(forgetKey ? forgotten : {}) }, ...shown }))
}

/** Pins the key that was offered, when it still is the one the person saw; answers whether it was. */
export async function pinHostKey(db: Tx, id: string, { fingerprint, by, at }: { fingerprint: string; by: string; at: Date }): Promise<boolean> {
  const changed = await db.$executeRaw`
    update "Host" set "hostKey" = "offeredKey", "hostKeyFingerprint" = "offeredKeyFingerprint", "hostKeyConfirmedAt" = ${at}, "hostKeyConfirmedBy" = ${by},
      "offeredKey" = null, "offeredKeyFingerprint" = null, "offeredKeyAt" = null, "offlineReason" = null, "offlineSince" = null, "updatedAt" = ${at}
    where id = ${id}::uuid and "offeredKeyFingerprint" = ${fingerprint} and "offeredKey" is not null`
  return changed === 1
}

export async function removeHost(db: Tx, id: string): Promise<void> {
  await db.host.delete({ where: { id }, select: { id: true } })
}
