/** Puts the agent of this console in the place of an older one before a host is worked with; runs of the older one go on, and the newer one serves them. */
import { deploy } from '#lib/agents/deploy.ts'
import { connect } from '#lib/agents/ssh.ts'
import { updateAgent } from '#lib/db/host-state.ts'
import { hostRow, sshAccess } from './hosts.ts'
import { keyedLock } from './keyed-lock.ts'
import type { WorkerParts } from './parts.ts'

/** After an upgrade that failed the older agent serves as long as it can, and this much later it is tried again. */
const AGAIN_MS = 300_000

/** By the numbers of two versions, left to right. */
export function isOlder(one: string, other: string): boolean {
  const [a, b] = [one, other].map(version => version.split(/[.-]/).map(Number)) as [number[], number[]]
  for (let at = 0; at < Math.max(a.length, b.length); at++) if ((a[at] ?? 0) !== (b[at] ?? 0)) return (a[at] ?? 0) < (b[at] ?? 0)
  return false
}

/**
 * Called before every use of a host; does something once. Of two workers of different versions only the newer one ever upgrades, so that they
 * do not take turns. Throws as `connect` does: then the host cannot be worked with at all.
 */
export function agentUpgrader({ db, sealer, log, agentFile, runtime }: Pick<WorkerParts, 'db' | 'sealer' | 'log' | 'agentFile' | 'runtime'>): (hostId: string) => Promise<void> {
  const lock = keyedLock()
  const rests = new Map<string, number>()
  return hostId =>
    lock.run(hostId, async () => {
      if ((rests.get(hostId) ?? 0) > Date.now()) return
      const host = await hostRow(db, hostId)
      if (host.hostKey === null || host.agentVersion === null) return
      if (!isOlder(host.agentVersion, agentFile.version)) return void rests.set(hostId, Date.now() + AGAIN_MS)
      const connection = await connect(sshAccess(host, sealer))
      try {
        const put = await deploy(connection, { agent: agentFile, runtime, runAs: host.runAs, signedInAs: host.user, say: text => log.info({ hostId }, text) })
        await updateAgent(db, hostId, { agentVersion: agentFile.version, agentSha256: put.sha256, agentDeployedAt: new Date(), agentPath: put.agentPath, agentRuntime: put.runtime })
        log.info({ hostId, from: host.agentVersion, to: agentFile.version }, 'the agent of a host was upgraded')
      } catch (error) {
        rests.set(hostId, Date.now() + AGAIN_MS)
        log.warn({ hostId, from: host.agentVersion, to: agentFile.version, err: error }, 'the agent of a host could not be upgraded; the older one goes on')
      } finally {
        connection.close()
      }
    })
}
