/** What the worker finds out about hosts: keys offered, the agent deployed, what is on the host, and whether it answers. */
import type { FoundCluster } from '#lib/domain/found.ts'
import type { CheckLine } from '#lib/domain/check.ts'
import type { Db, Tx } from './client.ts'

/** All that connecting needs, the sealed secret included. */
export async function findHostAccess(db: Tx, id: string) {
  return db.host.findUnique({ where: { id }, select: { id: true, name: true, address: true, port: true, user: true, runAs: true, stateDirectory: true, secretSealed: true, hostKey: true, agentPath: true, agentRuntime: true, agentSha256: true, agentVersion: true } })
}
export type HostAccessRow = NonNullable<Awaited<ReturnType<typeof findHostAccess>>>

/** A key that is not the pinned one waits for a person. */
export async function updateOfferedKey(db: Tx, id: string, offered: { key: string; fingerprint: string }, at: Date): Promise<void> {
  await db.host.updateMany({ where: { id }, data: { offeredKey: offered.key, offeredKeyFingerprint: offered.fingerprint, offeredKeyAt: at } })
}

/** The host shows the key that is pinned: nothing waits. */
export async function clearOfferedKey(db: Tx, id: string): Promise<void> {
  await db.host.updateMany({ where: { id }, data: { offeredKey: null, offeredKeyFingerprint: null, offeredKeyAt: null } })
}

export async function updateAgent(db: Tx, id: string, agent: { agentVersion: string; agentSha256: string; agentDeployedAt: Date; agentPath: string; agentRuntime: string } | null): Promise<void> {
  await db.host.updateMany({ where: { id }, data: agent ?? { agentVersion: null, agentSha256: null, agentDeployedAt: null, agentPath: null, agentRuntime: null } })
}

export interface Description { os: string; kernel: string; architecture: string; cpus: number; memoryBytes: number; tools: readonly { name: string; path: string; version?: string | undefined }[]; clusters: readonly FoundCluster[] }

/** Replaces what the last description found. */
export async function updateDescription(db: Db, id: string, found: Description, at: Date): Promise<void> {
  const { tools, clusters, memoryBytes, ...host } = found
  await db.$transaction(async tx => {
    await tx.host.update({ where: { id }, data: { ...host, memoryBytes: BigInt(memoryBytes), describedAt: at }, select: { id: true } })
    await tx.hostTool.deleteMany({ where: { hostId: id } })
    await tx.hostTool.createMany({ data: [...new Map(tools.map(tool => [tool.path, tool])).values()].map(({ name, path, version }) => ({ hostId: id, name, path, version: version ?? null })) })
    await tx.cluster.deleteMany({ where: { hostId: id } })
    await tx.cluster.createMany({ data: clusters.map(cluster => ({ hostId: id, ...withoutUndefined(cluster) })) })
  })
}

const withoutUndefined = <T extends object>(row: T): { [K in keyof T]: Exclude<T[K], undefined> } => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> }

export async function updateOnline(db: Tx, id: string, at: Date): Promise<void> {
  await db.host.updateMany({ where: { id }, data: { lastSeenAt: at, offlineReason: null, offlineSince: null } })
}

/** Since when is kept from the first failure on. */
export async function updateOffline(db: Tx, id: string, at: Date, reason: string): Promise<void> {
  await db.$executeRaw`update "Host" set "offlineReason" = ${reason}, "offlineSince" = coalesce("offlineSince", ${at}) where id = ${id}::uuid`
}

export const listDeployedHosts = (db: Tx): Promise<{ id: string }[]> => db.host.findMany({ where: { agentDeployedAt: { not: null } }, select: { id: true } })

/** Replaces the lines of the last check of a source. */
export async function replaceChecks(db: Db, sourceId: string, lines: readonly CheckLine[], at: Date): Promise<void> {
  await db.$transaction(async tx => {
    await tx.checkResult.deleteMany({ where: { sourceId } })
    await tx.checkResult.createMany({ data: lines.map((line, position) => ({ sourceId, line: line.id, position, status: line.status, message: line.message, found: line.found ?? null, wanted: line.wanted ?? null, fixKind: line.fix?.kind ?? null, fixText: line.fix?.text ?? null, ...(line.apply === undefined ? {} : { apply: line.apply }) })) })
    await tx.source.updateMany({ where: { id: sourceId }, data: { lastCheckAt: at } })
  })
}

const limit = (bytes: number): bigint | null => (bytes === Infinity ? null : BigInt(bytes))

/** Infinity = nobody tells a limit. */
export async function updateStorageState(db: Tx, id: string, state: { freeBytes: number; totalBytes: number; usedBytes: number } | null, testProblem: string | null, at: Date): Promise<void> {
  await db.storage.updateMany({ where: { id }, data: { testedAt: at, testProblem, ...(state === null ? {} : { freeBytes: limit(state.freeBytes), totalBytes: limit(state.totalBytes), usedBytes: BigInt(state.usedBytes) }) } })
}
