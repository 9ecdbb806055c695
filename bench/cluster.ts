// The cluster that is backed up: made once in the work folder with data checksums, used again by the next call, at rest while it is measured.
import { existsSync } from 'node:fs'
import { access, appendFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { debianBinaries } from '#e2e/hosts/cluster.ts'
import { freePort } from '#e2e/hosts/ports.ts'
import { childEnvironment } from '#lib/platform/env.ts'
import { start } from '#lib/platform/process.mjs'
import type { ClusterAccess } from '#lib/protocol/cluster.ts'
import { freshFolder, must, serverIdentity } from './commands.ts'
import { fill } from './data.ts'
import type { DataKind } from './options.ts'

export interface BenchCluster extends AsyncDisposable {
  pid: number
  major: number
  binaries: string
  dataDirectory: string
  socketDirectory: string
  port: number
  access: ClusterAccess
  sql(text: string): Promise<Record<string, unknown>[]>
}

/** Nothing of its own happens in a run: no autovacuum, no timed checkpoint; archiving succeeds at once, for segments are not what is measured here. */
const settings = {
  autovacuum: 'off', checkpoint_timeout: '1h', max_wal_size: '16GB', shared_buffers: '128MB', wal_level: 'replica', max_wal_senders: '6', archive_mode: 'on', archive_command: 'true', listen_addresses: '127.0.0.1', synchronous_commit: 'off', logging_collector: 'off',
} as const

export interface ClusterInput { work: string; data: DataKind; sizeGb: number; major: number; port: number | undefined; second: string | undefined }

const binariesFor = ({ major, second }: ClusterInput): string => (major === 15 || second === undefined ? debianBinaries : join(second, 'bin'))

export async function benchCluster(input: ClusterInput, say: (text: string) => void): Promise<BenchCluster> {
  const { data, sizeGb, major } = input
  const binaries = binariesFor(input)
  await access(join(binaries, 'postgres')).catch((cause: unknown) => {
    throw new Error(`There is no PostgreSQL ${major} in ${binaries}. On Debian 12: apt-get install postgresql-15.`, { cause })
  })
  const as = await serverIdentity()
  const folder = join(input.work, 'clusters', `${data}-${sizeGb}gb-pg${major}`)
  const [dataDirectory, socketDirectory, archiveDirectory, isReady] = [join(folder, 'data'), join(folder, 'socket'), join(folder, 'archive'), join(folder, 'ready')]
  const isNew = !existsSync(isReady)
  if (isNew) {
    say(`Making a ${data} cluster of ${sizeGb} GB in ${folder}`)
    await mkdir(input.work, { recursive: true, mode: 0o755 })
    for (const path of [folder, socketDirectory, archiveDirectory]) await freshFolder(path)
    await must([join(binaries, 'initdb'), '-D', dataDirectory, '-U', 'postgres', '-A', 'trust', '-k', '-N', '--encoding=UTF8', '--locale=C'], as)
    const all = { ...settings, unix_socket_directories: socketDirectory, ...(major >= 17 ? { summarize_wal: 'on' } : {}) }
    await appendFile(join(dataDirectory, 'postgresql.conf'), Object.entries(all).map(([name, value]) => `${name} = '${value}'\n`).join(''))
  }
  const port = input.port ?? (await freePort())
  const said: string[] = []
  const child = start({ argv: [join(binaries, 'postgres'), '-D', dataDirectory, '-p', String(port)], cwd: '/', env: childEnvironment({ LC_ALL: 'C', TZ: 'UTC' }), ...as }, { ownGroup: true, onLine: (line) => void (said.push(line) > 50 && said.shift()) })
  let hasEnded = false
  const ended = child.exited.then(() => void (hasEnded = true))
  const stop = async (): Promise<void> => {
    child.kill('SIGINT')
    await ended
  }

  async function sql(text: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
    await client.connect()
    try {
      const result = await client.query<Record<string, unknown>>(text)
      return [result].flat().at(-1)?.rows ?? []
    } finally {
      await client.end()
    }
  }
  for (let until = Date.now() + 120_000; ; ) {
    try {
      await sql('select 1')
      break
    } catch (cause) {
      if (!hasEnded && Date.now() < until) {
        await sleep(100)
        continue
      }
      if (!hasEnded) await stop()
      throw new Error(`PostgreSQL ${major} did not start on port ${port}: ${said.join('\n')}`, { cause })
    }
  }
  const cluster: BenchCluster = {
    pid: child.pid ?? 0, major, binaries, dataDirectory, socketDirectory, port, sql,
    access: { dataDirectory, archiveDirectory, connectionHost: socketDirectory, port, user: 'postgres', database: '' },
    [Symbol.asyncDispose]: stop,
  }
  if (isNew) {
    try {
      await fill(cluster, { data, sizeGb })
    } catch (error) {
      await stop()
      throw error
    }
    await writeFile(isReady, '')
  }
  return cluster
}
