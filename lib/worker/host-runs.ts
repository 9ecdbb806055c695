/** Runs on hosts themselves: read the key, deploy and remove the agent, describe, look at a directory. */
import { deploy, undeploy } from '#lib/agents/deploy.ts'
import { connect, readHostKey } from '#lib/agents/ssh.ts'
import { parseHostKey } from '#lib/agents/host-key.ts'
import { clearOfferedKey, updateAgent, updateDescription, updateOfferedKey } from '#lib/db/host-state.ts'
import { countInProgress } from '#lib/db/runs.ts'
import { problem } from '#lib/domain/problem.ts'
import { atHost, hostRow, sshAccess } from './hosts.ts'
import type { Handler } from './run-loop.ts'
import type { RunContext } from './run-context.ts'

const DESCRIBE_DEADLINE_MS = 60_000

/** Reads the key the host shows and puts it before a person, unless it is the pinned one. */
export const trust: Handler<'trust'> = async context => {
  const { parts, input } = context
  await context.phase('connect')
  const host = await hostRow(parts.db, input.hostId)
  const offered = await atHost(parts.db, input.hostId, () => readHostKey(host))
  const isPinned = host.hostKey !== null && parseHostKey(host.hostKey).key === offered.key
  if (isPinned) await clearOfferedKey(parts.db, host.id)
  else await updateOfferedKey(parts.db, host.id, offered, new Date())
  await context.say(`${host.address} shows ${offered.type} ${offered.fingerprint}${isPinned ? ', which is the confirmed key' : ''}`)
  return { fingerprint: offered.fingerprint, type: offered.type, isPinned }
}

async function describeHost(context: RunContext<'deploy' | 'describe'>): Promise<object> {
  const { parts, input } = context
  const agent = await parts.pool.agent(input.hostId)
  const found = await agent.call('host.describe', {}, { deadlineMs: DESCRIBE_DEADLINE_MS })
  await updateDescription(parts.db, input.hostId, found, new Date())
  await context.say(`${found.os}, ${found.cpus} CPUs; ${found.clusters.length === 0 ? 'no PostgreSQL cluster found' : `clusters: ${found.clusters.map(cluster => `${cluster.major ?? 'version unknown'} in ${cluster.dataDirectory}`).join(', ')}`}`)
  return { clusters: found.clusters.length, tools: found.tools.length }
}

export const deployAgent: Handler<'deploy'> = async context => {
  const { parts, input } = context
  return atHost(parts.db, input.hostId, async () => {
    await context.phase('connect')
    const host = await hostRow(parts.db, input.hostId)
    const connection = await connect(sshAccess(host, parts.sealer))
    try {
      await context.phase('copy')
      const said: Promise<void>[] = []
      const put = await deploy(connection, { agent: parts.agentFile, runtime: parts.runtime, runAs: host.runAs, signedInAs: host.user, stateDirectory: host.stateDirectory, say: text => void said.push(context.say(text)) })
      await Promise.all(said)
      await context.phase('start')
      parts.pool.drop(host.id)
      await updateAgent(parts.db, host.id, { agentVersion: parts.agentFile.version, agentSha256: put.sha256, agentDeployedAt: new Date(), agentPath: put.agentPath, agentRuntime: put.runtime })
      const { hello } = await parts.pool.agent(host.id)
      if (hello.sha256 !== put.sha256) throw problem('agent-version-mismatch', 'The agent that answers is not the one that was deployed', { detail: `It has sha256 ${hello.sha256}, deployed was ${put.sha256}.` })
      await context.say(`The agent ${hello.version} answers as ${hello.user} on ${hello.hostname}, Node ${hello.node}`)
      await context.phase('describe')
      return { ...(await describeHost(context)), sha256: put.sha256, wasCopied: put.wasCopied, runtimeFrom: put.runtimeFrom }
    } finally {
      connection.close()
    }
  })
}

export const describe: Handler<'describe'> = context =>
  atHost(context.parts.db, context.input.hostId, async () => {
    await context.phase('connect')
    await context.parts.pool.agent(context.input.hostId)
    await context.phase('describe')
    return describeHost(context)
  })

/** Refused while runs go on there: their files lie in the agent's folder. */
export const undeployAgent: Handler<'undeploy'> = async context => {
  const { parts, input } = context
  await context.phase('connect')
  const busy = await countInProgress(parts.db, { hostId: input.hostId })
  if (busy > 1) throw problem('already-running', `${busy - 1} other ${busy === 2 ? 'run goes' : 'runs go'} on on this host`, { hint: 'Wait for them or abort them in Monitor, then remove the agent.' })
  const host = await hostRow(parts.db, input.hostId)
  const connection = await connect(sshAccess(host, parts.sealer))
  try {
    await context.phase('remove')
    parts.pool.drop(host.id)
    await undeploy(connection, { runAs: host.runAs, signedInAs: host.user, stateDirectory: host.stateDirectory })
    await updateAgent(parts.db, host.id, null)
    await context.say('The agent is removed; backups lie on the storage devices and stay')
  } finally {
    connection.close()
  }
  return {}
}

export const inspect: Handler<'inspect'> = async context => {
  const { parts, input } = context
  await context.phase('inspect')
  const agent = await parts.pool.agent(input.hostId)
  return agent.call('path.inspect', { path: input.path })
}
