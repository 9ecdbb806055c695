/** The only file that knows ssh2: connections with a pinned host key, commands and channels on them, each step with its deadline. */
import { Buffer } from 'node:buffer'
import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import ssh2 from 'ssh2'
import type { ClientChannel, ClientErrorExtensions, ConnectConfig } from 'ssh2'
import type { HostSecret } from '#lib/domain/host-secret.ts'
import { problem } from '#lib/domain/problem.ts'
import type { ProblemError } from '#lib/domain/problem.ts'
import { algorithmsFor, changedHostKey, hostKeyOf, parseHostKey, unknownHostKey } from './host-key.ts'
import type { HostKey } from './host-key.ts'

export interface HostAddress { address: string; port: number }
export interface SshAccess extends HostAddress {
  user: string
  secret: HostSecret
  /** The pinned key; null = none is confirmed, and connecting ends in host-key-unknown. */
  hostKey: string | null
}

export interface Exit { code: number | null; signal: string | null }
/** A program on the host. `exited` settles once, also when the connection breaks (code and signal null). */
export interface Channel { stdin: Duplex; stdout: Readable; stderr: Readable; exited: Promise<Exit>; close(): void }

export interface Connection {
  readonly isOpen: boolean
  /** Resolves with the reason when the connection is gone, asked for or not. */
  readonly closed: Promise<ProblemError>
  open(command: string): Promise<Channel>
  /** Runs a command to its end; throws timed-out, or the reason when the connection breaks. */
  run(command: string, options?: { deadlineMs?: number; stdin?: Readable }): Promise<Exit & { stdout: string; stderr: string }>
  close(): void
}

const deadlines = { connectMs: 10_000, signInMs: 20_000, channelMs: 15_000, commandMs: 60_000 } as const
/** Three unanswered keepalives end a connection: a host that vanished is known within 15 s. */
const KEEPALIVE = { keepaliveInterval: 5_000, keepaliveCountMax: 3 }
const MAX_TEXT_BYTES = 1 << 20

const placeOf = ({ address, port }: HostAddress): string => (port === 22 ? address : `${address} port ${port}`)
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const unreachable = (host: HostAddress, cause: unknown): ProblemError =>
  problem('host-unreachable', `Cannot reach ${placeOf(host)}`, { detail: textOf(cause), hint: `Try from the machine that runs the worker: ssh -p ${host.port} ${host.address}. Check address, port, firewall, and that sshd runs.`, cause })

/** TCP first, by ourselves: ssh2 mixes up who is to blame when a name does not resolve. */
function tcp(host: HostAddress): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host: host.address, port: host.port, noDelay: true, keepAlive: true })
    const timer = setTimeout(() => socket.destroy(new Error(`No answer within ${deadlines.connectMs / 1000} s`)), deadlines.connectMs)
    socket.once('error', error => {
      clearTimeout(timer)
      reject(unreachable(host, error))
    })
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}

/** The key a host shows to anybody; nothing is sent to it. */
export async function readHostKey(host: HostAddress): Promise<HostKey> {
  const offered = await offeredKey(host, {})
  if (offered instanceof Error) throw unreachable(host, offered)
  return offered
}

async function offeredKey(host: HostAddress, config: ConnectConfig): Promise<HostKey | Error> {
  const sock = await tcp(host)
  const client = new ssh2.Client()
  try {
    return await new Promise(resolve => {
      client.on('error', error => resolve(error))
      client.on('close', () => resolve(new Error('The host closed the connection before it showed a key')))
      client.connect({
        ...config, sock, username: 'howdah', readyTimeout: deadlines.signInMs,
        hostVerifier: (key: Buffer) => {
          resolve(hostKeyOf(key))
          return false
        },
      })
    })
  } finally {
    client.destroy()
  }
}

function signIn(secret: HostSecret): ConnectConfig {
  if ('isUnknown' in secret) throw problem('host-sign-in-failed', 'How to sign in is not known', { detail: 'The host was adopted from storage, where no password and no key is kept.', hint: 'Give its password or private key in Admin ▸ Hosts.' })
  if ('password' in secret) return { password: secret.password, tryKeyboard: true }
  const parsed = ssh2.utils.parseKey(secret.privateKey, secret.passphrase)
  if (parsed instanceof Error) throw problem('host-sign-in-failed', 'The private key of the host cannot be read', { detail: parsed.message, hint: 'Paste the whole private key with its BEGIN and END lines, and give its passphrase if it has one.', cause: parsed })
  return { privateKey: secret.privateKey, ...(secret.passphrase === undefined ? {} : { passphrase: secret.passphrase }) }
}

/** Signs in. Throws host-unreachable, host-key-unknown, host-key-mismatch (both HostKeyError) or host-sign-in-failed. */
export async function connect(access: SshAccess): Promise<Connection> {
  const pinned = access.hostKey === null ? null : parseHostKey(access.hostKey)
  const credentials = signIn(access.secret)
  const sock = await tcp(access)
  const client = new ssh2.Client()
  let offered: HostKey | undefined
  const failure = await new Promise<unknown>(resolve => {
    client.once('ready', () => resolve(null))
    client.once('error', resolve)
    client.once('close', () => resolve(new Error('The host closed the connection')))
    client.on('keyboard-interactive', (_name, _instructions, _language, prompts, answer) => answer('password' in access.secret && prompts.length === 1 ? [access.secret.password] : []))
    client.connect({
      ...credentials, ...KEEPALIVE, sock, username: access.user, readyTimeout: deadlines.signInMs,
      ...(pinned === null ? {} : { algorithms: { serverHostKey: algorithmsFor(pinned.type) as never } }),
      hostVerifier: (key: Buffer) => {
        offered = hostKeyOf(key)
        return pinned !== null && offered.key === pinned.key
      },
    })
  })
  if (failure === null) return connectionOn(client, access)
  client.on('error', () => undefined) // what follows the first failure says nothing new
  client.destroy()
  throw await reasonOf({ failure, access, pinned, offered })
}

async function reasonOf({ failure, access, pinned, offered }: { failure: unknown; access: SshAccess; pinned: HostKey | null; offered: HostKey | undefined }): Promise<Error> {
  if (offered && pinned === null) return unknownHostKey(placeOf(access), offered)
  if (offered && pinned && offered.key !== pinned.key) return changedHostKey(placeOf(access), pinned, offered)
  if (!offered && pinned && /no matching host key/i.test(textOf(failure))) {
    const other = await offeredKey(access, {})
    if (!(other instanceof Error)) return changedHostKey(placeOf(access), pinned, other)
  }
  const level = (failure as ClientErrorExtensions).level
  if (level === 'client-authentication')
    return problem('host-sign-in-failed', `${placeOf(access)} refuses to let ${access.user} in`, {
      detail: 'password' in access.secret ? 'The password was not accepted.' : 'The key was not accepted.',
      hint: 'password' in access.secret ? 'Check user and password in Admin ▸ Hosts, and PasswordAuthentication in the host’s sshd_config.' : `Add the public key to ~${access.user}/.ssh/authorized_keys on the host, and check its mode (600) and owner.`,
    })
  return unreachable(access, failure)
}

/** Rejects when `work` takes longer, and calls `stop`. */
async function within<T>(ms: number, work: Promise<T>, late: () => ProblemError, stop: () => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(late())
      stop()
    }, ms)
  })
  try {
    return await Promise.race([work, deadline])
  } finally {
    clearTimeout(timer)
  }
}

function connectionOn(client: ssh2.Client, host: HostAddress): Connection {
  let isOpen = true
  let cause: unknown = 'The connection was closed'
  const closed = new Promise<ProblemError>(resolve => {
    client.on('error', error => (cause = error))
    client.once('close', () => {
      isOpen = false
      resolve(problem('host-unreachable', `The connection to ${placeOf(host)} broke`, { detail: textOf(cause), cause }))
    })
  })
  const lost = async (): Promise<never> => {
    throw await closed
  }

  async function open(command: string): Promise<Channel> {
    if (!isOpen) return lost()
    const opened = new Promise<Channel>((resolve, reject) =>
      client.exec(command, (error, channel) => (error ? reject(problem('host-unreachable', `${placeOf(host)} refuses another session`, { detail: error.message, hint: 'Raise MaxSessions in the host’s sshd_config, or run fewer sources in parallel.', cause: error })) : resolve(channelOn(channel)))),
    )
    const late = () => problem('timed-out', `${placeOf(host)} did not open a session within ${deadlines.channelMs / 1000} s`)
    return within(deadlines.channelMs, Promise.race([opened, lost()]), late, () => void opened.then(it => it.close(), () => undefined))
  }

  /** Called as soon as ssh2 gives the channel: a command of a moment may tell its exit code in the same packet. */
  function channelOn(channel: ClientChannel): Channel {
    channel.on('error', () => undefined) // a broken connection tells its reason through `closed`
    channel.stderr.on('error', () => undefined)
    const exited = new Promise<Exit>(resolve => {
      let exit: Exit = { code: null, signal: null }
      channel.on('exit', (code: number | null, signal?: string) => (exit = { code, signal: signal ?? null }))
      channel.once('close', () => resolve(exit))
      void closed.then(() => resolve(exit))
    })
    return { stdin: channel, stdout: channel, stderr: channel.stderr, exited, close: () => channel.close() }
  }

  async function run(command: string, { deadlineMs = deadlines.commandMs, stdin }: { deadlineMs?: number; stdin?: Readable } = {}) {
    const channel = await open(command)
    const said = { stdout: '', stderr: '' }
    const collect = (from: 'stdout' | 'stderr', stream: Readable): void => {
      const decoder = new TextDecoder()
      stream.on('data', (chunk: Buffer) => {
        if (said[from].length < MAX_TEXT_BYTES) said[from] += decoder.decode(chunk, { stream: true })
      })
    }
    collect('stdout', channel.stdout)
    collect('stderr', channel.stderr)
    if (stdin) {
      stdin.once('error', () => channel.close())
      stdin.pipe(channel.stdin)
    } else channel.stdin.end()
    const exit = await within(deadlineMs, channel.exited, () => problem('timed-out', `A command on ${placeOf(host)} took longer than ${deadlineMs / 1000} s`), () => channel.close())
    if (exit.code === null && exit.signal === null && !isOpen) return lost()
    return { ...exit, ...said }
  }

  return {
    get isOpen() {
      return isOpen
    },
    closed, open, run,
    close: () => void client.destroy(),
  }
}
