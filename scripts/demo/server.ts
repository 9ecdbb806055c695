// PostgreSQL servers of the demo: made, started and stopped from the server that comes with Howdah, as an account that is not root.
import { appendFile, chown, mkdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import type { Account } from '#lib/platform/home.ts'
import { exitText, run, start } from '#lib/platform/process.mjs'

export interface DemoServer extends AsyncDisposable {
  dataDirectory: string
  port: number
  socketDirectory: string
  /** A connection of its own as the superuser `postgres`; the caller ends it. */
  connect(): Promise<Client>
}

/** Rights of a child: those of the account, or of this process when there is none to drop to. */
export const rightsOf = (account: Account | undefined): { uid?: number; gid?: number } => (account === undefined ? {} : { uid: account.uid, gid: account.gid })
const serverEnvironment = { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' }

/** A folder that belongs to the account. */
export async function ownFolder(path: string, account: Account | undefined, mode = 0o700): Promise<string> {
  await mkdir(path, { recursive: true, mode })
  if (account !== undefined) await chown(path, account.uid, account.gid)
  return path
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('The system gave no free port.')
  return address.port
}

export async function makeCluster(binaries: string, dataDirectory: string, account: Account | undefined, settings: Readonly<Record<string, string>>): Promise<void> {
  const made = await run({ argv: [join(binaries, 'initdb'), '-D', dataDirectory, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--locale=C', '--no-instructions', '--data-checksums'], env: serverEnvironment, ...rightsOf(account) })
  if (made.code !== 0) throw new Error(`initdb ended with ${exitText(made)}: ${made.stdout}${made.stderr}`)
  await appendFile(join(dataDirectory, 'postgresql.conf'), Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`).join(''))
}

/** Starts the server in the foreground and returns when it takes writes, so after any recovery; on 127.0.0.1 and a socket, never beyond. */
export async function startServer(binaries: string, dataDirectory: string, place: { account: Account | undefined; socketDirectory: string; port: number }): Promise<DemoServer> {
  const lines: string[] = []
  const settings = { listen_addresses: '127.0.0.1', port: String(place.port), unix_socket_directories: `"${place.socketDirectory}"` }
  const child = start(
    { argv: [join(binaries, 'postgres'), '-D', dataDirectory, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])], cwd: dataDirectory, env: serverEnvironment, ...rightsOf(place.account) },
    { ownGroup: true, onLine: (line) => void (lines.push(line) > 40 && lines.shift()) },
  )
  let ended: string | undefined
  void child.exited.then((exit) => (ended = exitText(exit)))
  const connect = async (): Promise<Client> => {
    const client = new Client({ host: '127.0.0.1', port: place.port, user: 'postgres', database: 'postgres', connectionTimeoutMillis: 5000 })
    // A server that stops ends its connections; whoever uses one hears it from its query.
    client.on('error', () => {})
    await client.connect()
    return client
  }
  const stop = async (): Promise<void> => {
    child.kill('SIGINT')
    await child.exited
  }
  for (let waitedMs = 0; ; waitedMs += 200) {
    if (ended !== undefined) throw new Error(`PostgreSQL in ${dataDirectory} ended with ${ended}:\n${lines.join('\n')}`)
    if (await isWritable(connect)) return { dataDirectory, port: place.port, socketDirectory: place.socketDirectory, connect, [Symbol.asyncDispose]: stop }
    if (waitedMs > 300_000) {
      await stop()
      throw new Error(`PostgreSQL in ${dataDirectory} did not open within 5 minutes:\n${lines.join('\n')}`)
    }
    await sleep(200)
  }
}

async function isWritable(connect: () => Promise<Client>): Promise<boolean> {
  let client: Client
  try {
    client = await connect()
  } catch {
    return false // not yet listening, or still starting up: the caller asks again and knows when to give up
  }
  try {
    const answer = await client.query<{ recovering: boolean }>('select pg_is_in_recovery() as recovering')
    return answer.rows[0]?.recovering === false
  } finally {
    await client.end()
  }
}
