/** Puts the agent on a host, and takes it away: copied by content, verified by sha256, nothing of it outside of one folder. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { problem, ProblemError } from '#lib/domain/problem.ts'
import type { Problem } from '#lib/domain/problem.ts'
import { AGENT_FOLDER, digests, exits, probe, putFile, removeAgent, removeOlder, tryRuntime } from './commands.ts'
import type { Connection, Exit } from './ssh.ts'

/** The oldest Node with zstd in zlib: https://nodejs.org/docs/latest-v22.x/api/zlib.html#zlibzstdcompresssyncbuffer-options */
const OLDEST_NODE = [22, 15] as const
/** What `uname -m` says for each architecture of ours. */
const machines: Record<string, string> = { x86_64: 'x64', aarch64: 'arm64' }
const COPY_DEADLINE_MS = 300_000

export interface AgentFile { content: Buffer; sha256: string; version: string }
/** The program that runs the console; it goes to hosts that have no Node of their own. */
export interface Runtime { path: string; version: string; architecture: string }
export interface Deployed { agentPath: string; runtime: string; sha256: string; wasCopied: boolean; runtimeFrom: 'host' | 'console' }

interface Probe { machine: string; user: string; home: string; nodes: { version: string; path: string }[] }

const failed = (what: string, exit: Exit & { stderr: string }) =>
  problem('agent-failed', `${what} on the host failed`, { detail: `${exit.signal === null ? `Exit code ${exit.code}` : `Signal ${exit.signal}`}. ${exit.stderr.trim().slice(0, 2000)}`.trim(), hint: 'Read what the host says above; check the home directory of the user, its space and its mount options.' })

/** Carries the command that grants the right, for root on the host. */
export class RunAsError extends ProblemError {
  readonly command: string
  constructor(told: Problem, command: string) {
    super(told)
    this.name = 'RunAsError'
    this.command = command
  }
}

/** `sudo -n` says why not; a missing right is told with the line that grants it. */
export function runAsProblem(runAs: string, signedInAs: string, detail: string): RunAsError {
  const command = `echo '${signedInAs} ALL=(${runAs}) NOPASSWD: ALL' > /etc/sudoers.d/howdah && chmod 440 /etc/sudoers.d/howdah`
  return new RunAsError({ code: 'host-sign-in-failed', message: `The host does not let ${signedInAs} run programs as ${runAs}`, detail: detail.trim().slice(0, 1000), hint: `On the host, as root: ${command}` }, command)
}

async function look(connection: Connection, who: { runAs: string | null; signedInAs: string }): Promise<Probe> {
  const said = await connection.run(probe(who.runAs))
  const lines = said.stdout.split('\n')
  const value = (name: string): string => lines.find(line => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? ''
  if (said.code === exits.noChecksumTool) throw problem('agent-failed', 'The host has no sha256sum', { hint: 'Install coreutils (or busybox) on the host.' })
  if (said.code !== 0 && who.runAs !== null && value('user') === '') throw runAsProblem(who.runAs, who.signedInAs, said.stderr)
  if (said.code !== 0 || value('home') === '') throw failed('Looking at the home directory', said)
  if (value('system') !== 'Linux') throw problem('agent-failed', `The host runs ${value('system')}; the agent runs on Linux`, { hint: 'Use a Linux host.' })
  const nodes = lines.filter(line => line.startsWith('node=v')).map(line => line.slice(5).split(' ')).map(([version = '', ...path]) => ({ version, path: path.join(' ') }))
  return { machine: value('machine'), user: value('user'), home: value('home'), nodes }
}

function isEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])
}

async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}

/**
 * Copies what is missing and answers where it lies. Again is a no-op. `say` hears each step.
 * Throws host-sign-in-failed (run-as refused), agent-failed, no-space by the host's own words.
 */
export async function deploy(connection: Connection, { agent, runtime, runAs, signedInAs, stateDirectory = null, say }: { agent: AgentFile; runtime: Runtime; runAs: string | null; signedInAs: string; stateDirectory?: string | null; say: (text: string) => void }): Promise<Deployed> {
  const host = await look(connection, { runAs, signedInAs })
  const folder = join(host.home, AGENT_FOLDER)
  const there = await connection.run(digests(runAs, folder))
  const has = (name: string, sha256: string): boolean => there.stdout.split('\n').includes(`${sha256}  ${name}`)
  let wasCopied = false

  const put = async (file: { name: string; sha256: string; mode: string }, content: Readable): Promise<void> => {
    const command = putFile(runAs, { folder, ...file })
    const said = await connection.run(command, { stdin: content, deadlineMs: COPY_DEADLINE_MS })
    if (said.code === exits.wrongDigest) throw failed(`Copying ${file.name}`, said)
    if (said.code !== 0) throw failed(`Copying ${file.name} to ${folder}`, said)
    wasCopied = true
  }

  const own = host.nodes.find(({ version }) => isEnough(version.slice(1)))
  let runtimePath = own?.path
  let runtimeName: string | undefined
  if (runtimePath === undefined) {
    if (machines[host.machine] !== runtime.architecture)
      throw problem('agent-failed', `The host is ${host.machine} and has no Node ${OLDEST_NODE.join('.')} or newer`, { detail: `The console runs on ${runtime.architecture} and can lend its own runtime only to the same architecture.`, hint: `Install Node ${OLDEST_NODE[0]} or newer on the host.` })
    const sha256 = await fileDigest(runtime.path)
    runtimeName = `runtime-${runtime.version}-${sha256.slice(0, 16)}`
    runtimePath = join(folder, runtimeName)
    if (has(runtimeName, sha256)) say(`The runtime ${runtime.version} is there already`)
    else {
      say(`The host has no Node ${OLDEST_NODE.join('.')} or newer: copying the runtime ${runtime.version} to ${runtimePath}`)
      await put({ name: runtimeName, sha256, mode: '500' }, createReadStream(runtime.path, { highWaterMark: 1 << 18 }))
    }
    const works = await connection.run(tryRuntime(runAs, runtimePath))
    if (works.code !== 0) throw problem('agent-failed', 'The runtime of the console does not run on this host', { detail: `${works.stdout}${works.stderr}`.trim().slice(0, 2000), hint: `Its C library is another one, or its home directory is mounted noexec. Install Node ${OLDEST_NODE[0]} or newer on the host.` })
  } else say(`Using Node ${own?.version} of the host: ${runtimePath}`)

  const name = `agent-${agent.sha256}.mjs`
  if (has(name, agent.sha256)) say('The agent is there already')
  else {
    say(`Copying the agent ${agent.version} to ${join(folder, name)}`)
    await put({ name, sha256: agent.sha256, mode: '400' }, Readable.from([agent.content]))
  }
  await connection.run(removeOlder(runAs, folder, { keep: [name, ...(runtimeName === undefined ? [] : [basename(runtimeName)])], stateDirectory }))
  return { agentPath: join(folder, name), runtime: runtimePath, sha256: agent.sha256, wasCopied, runtimeFrom: own === undefined ? 'console' : 'host' }
}

/** Removes the agent, its runtime and what it kept; backups lie elsewhere. Again is a no-op. */
export async function undeploy(connection: Connection, { runAs, signedInAs, stateDirectory = null }: { runAs: string | null; signedInAs: string; stateDirectory?: string | null }): Promise<void> {
  const host = await look(connection, { runAs, signedInAs })
  const said = await connection.run(removeAgent(runAs, join(host.home, AGENT_FOLDER), stateDirectory))
  if (said.code !== 0) throw failed('Removing the agent', said)
}
