// Howdah as it runs: the agent deployed through a real sshd, volumes pulled over bulk channels into a disk of the console, as the worker does it.
import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { buildAgent } from '#agent/build.ts'
import { AGENT_VERSION } from '#agent/version.ts'
import { newRunId } from '#e2e/hosts/agent.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { deploy } from '#lib/agents/deploy.ts'
import { type Agent, createPool, type HostAccess } from '#lib/agents/pool.ts'
import { connect } from '#lib/agents/ssh.ts'
import { ProblemError } from '#lib/domain/problem.ts'
import { diskStorage } from '#lib/storage/disk.ts'
import type { Storage } from '#lib/storage/storage.ts'
import { ownRuntime } from '#lib/worker/agent-file.ts'
import { transfers } from '#lib/worker/transfer.ts'
import { bytesIn, freshFolder, must } from './commands.ts'
import type { Contestant, Scene } from './contestant.ts'
import { jobOf } from './local-howdah.ts'

/** As in the worker. */
const PULLS = 2
const EVENTS_WAIT_MS = 5_000
const SILENCE_MS = 60_000

interface File { name: string; sizeBytes: number; sha256: string }

async function pull(agent: Agent, storage: Storage, runId: string, file: File): Promise<void> {
  const upload = await storage.openUpload(`image/${file.name}`, { sizeBytes: file.sizeBytes })
  try {
    const incoming = await agent.bulk(SILENCE_MS).receive({ op: 'get', runId, name: file.name, offset: upload.offset })
    for await (const chunk of incoming.body) await upload.write(chunk)
    await upload.commit(file)
  } catch (error) {
    await upload.abort()
    throw error
  }
  await agent.call('run.confirm', { runId, name: file.name, sha256: file.sha256 })
}

async function backup(agent: Agent, storage: Storage, scene: Scene): Promise<void> {
  const runId = newRunId()
  await agent.call('run.start', { runId, job: jobOf(scene) })
  const pulls = transfers(PULLS)
  for (let after = 0; ; ) {
    const said = await Promise.race([agent.call('run.events', { runId, after, waitMs: EVENTS_WAIT_MS }), pulls.failure])
    for (const { seq, body } of said.events) {
      after = seq
      if (body.kind === 'volume') pulls.add(() => pull(agent, storage, runId, body))
      if (body.kind !== 'end') continue
      if (body.outcome !== 'succeeded') throw body.problem === undefined ? new Error(`The run ended as ${body.outcome}.`) : new ProblemError(body.problem)
      await pulls.settled()
      await agent.call('run.release', { runId })
      return
    }
    if (said.events.length === 0 && !said.alive) throw new Error('The process of the run died.')
  }
}

export interface ThroughSshd extends AsyncDisposable { sshd: Sshd; contestant: Contestant }

/** Starts an sshd and deploys the agent through it, off the clock; each run signs in anew. */
export async function throughSshd(scene: Scene): Promise<ThroughSshd> {
  if (process.getuid?.() !== 0) throw new Error('sshd changes users, which only root may: run this as root.')
  const sshd = await startSshd(scene.port === undefined ? {} : { port: scene.port + 1 })
  const ssh = { address: '127.0.0.1', port: sshd.port, user: sshd.user, secret: { privateKey: sshd.privateKey }, hostKey: sshd.hostKey }
  const agent = { ...(await buildAgent()), version: AGENT_VERSION }
  const connection = await connect(ssh)
  const deployed = await deploy(connection, { agent, runtime: ownRuntime, runAs: null, signedInAs: sshd.user, say: () => undefined })
  connection.close()
  const access: HostAccess = { ssh, agent: { path: deployed.agentPath, sha256: deployed.sha256, runtime: deployed.runtime, runAs: null, signedInAs: sshd.user } }
  const root = join(scene.scratch, 'console')
  const contestant: Contestant = {
    name: 'Howdah',
    async prepare() {
      await freshFolder(root)
      await mkdir(join(root, 'image'))
    },
    async run() {
      await using pool = createPool(() => Promise.resolve(access))
      await backup(await pool.agent(randomUUID()), diskStorage({ root }), scene)
    },
    stored: () => bytesIn(root),
    clear: async () => void (await must(['rm', '-rf', root])),
  }
  return { sshd, contestant, [Symbol.asyncDispose]: () => sshd[Symbol.asyncDispose]() }
}
