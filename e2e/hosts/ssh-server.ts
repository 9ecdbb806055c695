// An SSH server of our own that plays a PostgreSQL host: for the demo and for fast tests on machines without sshd. The real sshd is in sshd.ts.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import ssh2 from 'ssh2'

export interface SshHostInput {
  /** Home folder of the account that signs in; commands start there. */
  home: string
  /** Account name that is accepted. */
  user: string
  /** Rights that commands run with; absent = those of this process. */
  uid?: number
  gid?: number
  /** 0 or absent = any free port. */
  port?: number
  /** Private key of the server in OpenSSH form, so that a host keeps its identity across starts; absent = a new one. */
  hostKey?: string
}

export interface SshHost extends AsyncDisposable {
  port: number
  user: string
  /** Key that signs in, in OpenSSH form. */
  privateKey: string
  hostKey: string
  /** 'SHA256:…' as ssh-keygen -l prints it. */
  fingerprint: string
}

/** Listens on 127.0.0.1 only; offers exec, nothing else. */
export async function startSshHost(input: SshHostInput): Promise<SshHost> {
  const hostKey = input.hostKey ?? freshKey().private
  const client = freshKey()
  const parsedHostKey = parseKey(hostKey)
  const accepted = parseKey(client.public)
  const connections = new Set<ssh2.Connection>()

  const server = new ssh2.Server({ hostKeys: [hostKey] }, (connection) => {
    connections.add(connection)
    connection.on('close', () => connections.delete(connection))
    // A client that goes away in mid-handshake is the client's business.
    connection.on('error', () => connections.delete(connection))
    connection.on('authentication', (attempt) => {
      if (attempt.method !== 'publickey' || attempt.username !== input.user || !attempt.key.data.equals(accepted.getPublicSSH())) return attempt.reject(['publickey'])
      if (attempt.signature === undefined || attempt.blob === undefined) return attempt.accept()
      return accepted.verify(attempt.blob, attempt.signature, attempt.hashAlgo) === true ? attempt.accept() : attempt.reject(['publickey'])
    })
    connection.on('ready', () => {
      connection.on('session', (accept) => {
        accept().on('exec', (acceptExec, _reject, info) => execute(acceptExec(), info.command, input))
      })
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(input.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    user: input.user,
    privateKey: client.private,
    hostKey,
    fingerprint: `SHA256:${createHash('sha256').update(parsedHostKey.getPublicSSH()).digest('base64').replace(/=+$/, '')}`,
    async [Symbol.asyncDispose]() {
      for (const connection of connections) connection.end()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** One in a few hundred keys that ssh2 makes cannot be read by ssh2 again; such a key is thrown away. */
function freshKey(): { private: string; public: string } {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519')
    if (![pair.private, pair.public].some((text) => ssh2.utils.parseKey(text) instanceof Error)) return pair
  }
}

function parseKey(text: string): ssh2.ParsedKey {
  const key = ssh2.utils.parseKey(text)
  if (key instanceof Error) throw key
  return key
}

function execute(channel: ssh2.ServerChannel, command: string, input: SshHostInput): void {
  const child = spawn('/bin/sh', ['-c', command], {
    cwd: input.home,
    env: { NODE_ENV: 'production', HOME: input.home, USER: input.user, LOGNAME: input.user, PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' },
    ...(input.uid === undefined || input.gid === undefined ? {} : { uid: input.uid, gid: input.gid }),
  })
  channel.pipe(child.stdin)
  child.stdout.pipe(channel, { end: false })
  child.stderr.pipe(channel.stderr, { end: false })
  // A program that ends before it read all its input: what it said and its exit code tell more than EPIPE.
  child.stdin.on('error', () => {})
  child.once('error', (error) => {
    channel.stderr.write(`${error.message}\n`)
    channel.exit(127)
    channel.end()
  })
  child.once('close', (code, signal) => {
    if (signal === null) channel.exit(code ?? 1)
    else channel.exit(signal.replace(/^SIG/, ''))
    channel.end()
  })
  // A cut connection is an end of input for the program, as sshd does it.
  channel.once('close', () => child.stdin.end())
}
