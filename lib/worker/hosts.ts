/** How the worker reaches a host: its access from the catalog, and what a failure says about the host written back there. */
import { HostKeyError } from '#lib/agents/host-key.ts'
import type { HostAccess } from '#lib/agents/pool.ts'
import type { SshAccess } from '#lib/agents/ssh.ts'
import type { Db } from '#lib/db/client.ts'
import { findHostAccess, updateOfferedKey, updateOffline, updateOnline } from '#lib/db/host-state.ts'
import type { HostAccessRow } from '#lib/db/host-state.ts'
import { HostSecret } from '#lib/domain/host-secret.ts'
import { problem, ProblemError } from '#lib/domain/problem.ts'
import type { ProblemCode } from '#lib/domain/problem.ts'
import type { Sealer } from '#lib/secrets/seal.ts'

export async function hostRow(db: Db, hostId: string): Promise<HostAccessRow> {
  const host = await findHostAccess(db, hostId)
  if (host === null) throw problem('not-found', 'The host is no longer in the catalog')
  return host
}

export const sshAccess = (host: HostAccessRow, sealer: Sealer): SshAccess => ({
  address: host.address, port: host.port, user: host.user, hostKey: host.hostKey,
  secret: HostSecret.parse(JSON.parse(sealer.open(host.secretSealed).reveal())),
})

/** For the pool: throws agent-missing where none was deployed. */
export async function agentAccess(db: Db, sealer: Sealer, hostId: string): Promise<HostAccess> {
  const host = await hostRow(db, hostId)
  if (host.hostKey !== null && (host.agentPath === null || host.agentRuntime === null || host.agentSha256 === null)) throw problem('agent-missing', `There is no agent on ${host.name} yet`)
  return { ssh: sshAccess(host, sealer), agent: { path: host.agentPath ?? '', runtime: host.agentRuntime ?? '', sha256: host.agentSha256 ?? '', runAs: host.runAs, signedInAs: host.user, stateDirectory: host.stateDirectory } }
}

/** Problems that mean the host itself could not be worked with. */
const aboutTheHost: readonly ProblemCode[] = ['host-unreachable', 'host-key-unknown', 'host-key-mismatch', 'host-sign-in-failed', 'agent-missing', 'agent-version-mismatch']

/** Does something on a host and writes down what that says about it: online, or why not, or another key. */
export async function atHost<T>(db: Db, hostId: string, work: () => Promise<T>): Promise<T> {
  try {
    const result = await work()
    await updateOnline(db, hostId, new Date())
    return result
  } catch (error) {
    await noteFailure(db, hostId, error)
    throw error
  }
}

export async function noteFailure(db: Db, hostId: string, error: unknown): Promise<void> {
  if (error instanceof HostKeyError) await updateOfferedKey(db, hostId, error.offered, new Date())
  if (error instanceof ProblemError && aboutTheHost.includes(error.problem.code)) await updateOffline(db, hostId, new Date(), error.problem.message)
}
