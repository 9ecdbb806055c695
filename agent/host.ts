// agent.hello and host.describe: who we are, what machine this is, which programs and database clusters it has.
import { readFileSync } from 'node:fs'
import { arch, cpus, hostname, release, totalmem, userInfo } from 'node:os'
import { VERSION, type Result } from '#lib/protocol/methods.ts'
import { searchPath } from './environment.ts'
import { findClusters } from './find-clusters.ts'
import { runProgram } from './process.ts'
import { findProgram, postgresBinaries } from './programs.ts'
import { hasCode } from './system-problem.ts'
import { AGENT_VERSION, agentSha256 } from './version.ts'

function osName(): string {
  try {
    const [, name] = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(readFileSync('/etc/os-release', 'utf8')) ?? []
    return name ?? 'Linux'
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return 'Linux'
    throw error
  }
}

export async function hello(): Promise<Result<'agent.hello'>> {
  return { protocol: VERSION, version: AGENT_VERSION, sha256: agentSha256(), node: process.versions.node, user: userInfo().username, hostname: hostname(), os: osName(), architecture: arch(), clock: new Date().toISOString() }
}

const TOOLS = ['psql', 'pg_dump', 'pg_ctl', 'pg_verifybackup', 'pg_combinebackup', 'zstd', 'tar', 'sudo', 'systemctl'] as const
const VERSION_LIMIT_MS = 3000

async function tool(name: string, directories: readonly string[]): Promise<Result<'host.describe'>['tools']> {
  const path = await findProgram(name, directories)
  if (path === null) return []
  const said = await runProgram([path, '--version'], VERSION_LIMIT_MS)
  const [version] = /\d+(?:\.\d+)+/.exec(said.stdout) ?? []
  return [{ name, path, ...(version === undefined ? {} : { version }) }]
}

export async function describeHost(): Promise<Result<'host.describe'>> {
  const directories = [...postgresBinaries(), ...searchPath()]
  const tools = await Promise.all(TOOLS.map((name) => tool(name, directories)))
  return { os: osName(), kernel: release(), architecture: arch(), cpus: cpus().length, memoryBytes: totalmem(), tools: tools.flat(), clusters: await findClusters() }
}
