// A cluster as Debian makes it, gone with `await using`: configuration in /etc, data in /var/lib, stopped and started by pg_ctlcluster.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { appendFile, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { archiveCommand, type Cluster, debianBinaries, serverUser, sqlAt } from './cluster.ts'
import { freePort } from './ports.ts'

const run = promisify(execFile)
const MAJOR = 15

/** Only where root and Debian's tools are. */
export const hasDebianClusters = process.getuid?.() === 0 && existsSync('/usr/bin/pg_createcluster') && existsSync(join(debianBinaries, 'postgres'))

export async function startDebianCluster(name: string): Promise<Cluster & { name: string; configFile: string }> {
  const user = await serverUser()
  const port = await freePort()
  const dataDirectory = `/var/lib/postgresql/${MAJOR}/${name}`
  const configFolder = `/etc/postgresql/${MAJOR}/${name}`
  const folder = `${dataDirectory}-copies`
  const archiveDirectory = join(folder, 'archive')
  await run('pg_createcluster', [String(MAJOR), name, '-p', String(port), '--start-conf', 'manual'])
  await mkdir(archiveDirectory, { recursive: true })
  for (const path of [folder, archiveDirectory]) if (user.uid !== undefined && user.gid !== undefined) await chown(path, user.uid, user.gid)
  await appendFile(join(configFolder, 'postgresql.conf'), `archive_mode = on\narchive_command = '${archiveCommand(archiveDirectory)}'\nfsync = off\n`)
  await writeFile(join(configFolder, 'pg_hba.conf'), 'local all all trust\nhost all all 127.0.0.1/32 trust\n')
  await run('pg_ctlcluster', [String(MAJOR), name, 'start'])
  const log = `/var/log/postgresql/postgresql-${MAJOR}-${name}.log`
  const said = await readFile(log, 'utf8')
  return {
    name, major: MAJOR, dataDirectory, archiveDirectory, folder, user, port, binaries: debianBinaries, socketDirectory: '/var/run/postgresql', configFile: join(configFolder, 'postgresql.conf'),
    log: () => said,
    sql: sqlAt(port),
    async stop() {
      await run('pg_ctlcluster', [String(MAJOR), name, 'stop', '-m', 'fast'])
    },
    async [Symbol.asyncDispose]() {
      await run('pg_dropcluster', ['--stop', String(MAJOR), name])
      await rm(folder, { recursive: true, force: true })
      for (const path of [log]) await rm(path, { force: true })
      for (const left of ['before', 'undone', 'failed']) await run('sh', ['-c', `rm -rf '${dataDirectory}'.${left}-*`])
    },
  }
}
