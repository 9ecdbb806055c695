// Recoveries for tests: a history with a moment to go back to, restored copies of it, and the jobs that put one in place.
import { execFile } from 'node:child_process'
import { appendFile, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { restoreCommand } from '#lib/postgres/archive-command.ts'
import type { Job } from '#lib/protocol/cluster.ts'
import { parseLsn } from '#lib/postgres/lsn.ts'
import { recoverySettings, type RecoveryTarget } from '#lib/postgres/recovery.ts'
import { parsePostmasterOpts } from '#lib/postgres/server-commands.ts'
import { parseSegmentName, segmentsBetween } from '#lib/postgres/wal.ts'
import type { RecoveryPlace } from '#lib/domain/recovery-place.ts'
import type { RecoverJob } from '#lib/protocol/recovery.ts'
import { accessTo, collectWal, destinationIn, followRun, fullBackup, newRunId, runRestore, type StoredBackup, type TestAgent } from './agent.ts'
import { asServerUser, type Cluster, startCluster } from './cluster.ts'
import { contentOf } from './history.ts'

export interface Past {
  cluster: Cluster
  stored: StoredBackup
  /** Where to stop by each kind of target: after `before`, and before anything of `after`. */
  targets: Record<'time' | 'lsn' | 'name', RecoveryTarget>
  /** Content at the target. */
  content: Record<string, string>
}

/** A cluster with rows of before and after a moment, a full of before, and its WAL. */
export const pastOf = async (agent: TestAgent, { later, ...input }: Parameters<typeof startCluster>[0] & { later?: Record<string, string> }): Promise<Past> => pastIn(agent, await startCluster(input), later)

/** The same in a cluster that is there. */
export async function pastIn(agent: TestAgent, cluster: Cluster, later?: Record<string, string>): Promise<Past> {
  await cluster.sql('create table mark (n int primary key, word text); insert into mark values (0, \'full\'); create table load (n serial primary key, at timestamptz default clock_timestamp())')
  const full = await fullBackup(agent, accessTo(cluster))
  // The WAL tells of settings that were raised after the backup was taken.
  if (later !== undefined) await restart(cluster, () => appendFile(join(cluster.dataDirectory, 'postgresql.conf'), Object.entries(later).map(([name, value]) => `${name} = '${value}'\n`).join('')))
  await cluster.sql("insert into mark select n, 'before' from generate_series(1, 5000) n")
  const content = await contentOf(cluster)
  const [row] = await cluster.sql<{ lsn: string; at: string }>(`select pg_create_restore_point('good moment')::text as lsn, to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`)
  await new Promise((resolve) => setTimeout(resolve, 20))
  await cluster.sql("insert into mark select n, 'after' from generate_series(5001, 6000) n; delete from mark where n = 1")
  const { segment, timeline } = await agent.call('wal.switch', { cluster: accessTo(cluster), label: 'test' })
  const size = full.result.segmentSizeBytes
  const names = segmentsBetween(timeline, parseLsn(full.result.beginLsn), parseSegmentName(segment, size)?.end ?? parseLsn(full.result.endLsn), size)
  const wal = await collectWal(agent, accessTo(cluster), names, full.folder)
  return { cluster, stored: { ...full, wal }, content, targets: { time: { kind: 'time', time: row?.at ?? '' }, lsn: { kind: 'lsn', lsn: parseLsn(row?.lsn ?? '0/0') }, name: { kind: 'name', name: 'good moment' } } }
}

let copies = 0

/** A restored copy beside the cluster, prepared for recovery as the console prepares it. */
export async function copyOf(agent: TestAgent, { cluster, stored }: Past, target: RecoveryTarget, within?: string): Promise<string> {
  copies += 1
  const destination = within ?? (await destinationIn(cluster.folder, `restored ${copies}`))
  const settings = Object.fromEntries(recoverySettings({ target, isInclusive: true, timeline: 1, action: 'promote', restoreCommand: restoreCommand(`${destination}/archive`) }).map(({ name, value }) => [name, value]))
  await runRestore(agent, stored, { destination, recovery: { settings: { ...settings, archive_mode: 'off' } } })
  return destination
}

export const placeOf = ({ cluster, stored }: Past, how: Partial<RecoveryPlace> = {}): RecoveryPlace => ({
  dataDirectory: cluster.dataDirectory, inPlace: true, systemIdentifier: stored.result.systemIdentifier, service: { kind: 'pg_ctl' }, port: cluster.port, configFile: null, archiveDirectory: cluster.archiveDirectory, binaries: cluster.binaries, user: 'postgres', ...how,
})

export const recoverJob = (past: Past, copy: string, how: Partial<RecoveryPlace> = {}): RecoverJob => ({ kind: 'recover', copy, systemIdentifier: past.stored.result.systemIdentifier, major: past.cluster.major, place: placeOf(past, how) })

/** Another program that takes the port of a server as soon as that is stopped. */
export async function takePort(port: number): Promise<AsyncDisposable> {
  for (;;) {
    const server = createServer((socket) => socket.destroy())
    const isOurs = await new Promise<boolean>((resolve) => server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true)))
    if (isOurs) return { [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Starts a job and follows it to its end, or until its process is gone. */
export async function runJob(agent: TestAgent, job: Job, onEvent?: Parameters<typeof followRun>[2]): Promise<{ runId: string } & Awaited<ReturnType<typeof followRun>>> {
  const runId = newRunId()
  await agent.call('run.start', { runId, job })
  return { runId, ...(await followRun(agent, runId, onEvent)) }
}

/** By pg_ctl, with the options it was started with; the server is then no child of the test any more. */
export async function restart({ binaries, dataDirectory, folder }: Cluster, between: () => Promise<void> = async () => {}): Promise<void> {
  const how = { ...(await asServerUser()), env: { ...process.env, LC_ALL: 'C' }, cwd: '/' }
  const options = await readFile(join(dataDirectory, 'postmaster.opts'), 'utf8')
  await promisify(execFile)(join(binaries, 'pg_ctl'), ['stop', '-D', dataDirectory, '-m', 'fast', '-w'], how)
  await between()
  const words = parsePostmasterOpts(options).map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`)
  await promisify(execFile)(join(binaries, 'pg_ctl'), ['start', '-D', dataDirectory, '-w', '-l', join(folder, 'socket', 'server.log'), '-o', words.join(' ')], how)
}
