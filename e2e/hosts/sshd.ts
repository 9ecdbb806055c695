// A disposable OpenSSH server for tests: Debian's sshd on a loopback port, with its own host key and one authorized key.
import { spawn, execFile, type ChildProcess } from 'node:child_process'
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './ports.ts'

const run = promisify(execFile)

export interface SshdInput {
  /** Absent = any free port. */
  port?: number
  /** Whether passwords are asked for (and refused: no account has a known one). */
  settings?: Record<string, string>
  /** What programs find in their environment, beside HOME. Absent PATH = with this Node.js first: the agent runs with it, and no runtime of 120 MB is copied. */
  environment?: Record<string, string>
  /** Who signs in; absent = whoever runs the test. */
  user?: { name: string; uid: number; gid: number }
  /** Sees no processes but its own, as another machine does. Only where `canStandApart`. */
  isApart?: boolean
}

const apart = ['unshare', '--pid', '--mount-proc', '--fork', '--kill-child'] as const
/** Whether this machine gives processes a view of their own. */
export const canStandApart = (): Promise<boolean> => run(apart[0], [...apart.slice(1), 'true']).then(() => true, () => false)

export interface Sshd extends AsyncDisposable {
  port: number
  /** 'ssh-ed25519 AAAA…' */
  hostKey: string
  /** 'SHA256:…' */
  fingerprint: string
  /** Signs in, in OpenSSH form. */
  privateKey: string
  user: string
  /** Home folder of whoever signs in: an own one, so that tests do not meet. */
  home: string
  /** Starts again with another host key, as a reinstalled host would. */
  rotateHostKey(): Promise<void>
  /** Ends it and every connection it has; `start` brings it back on the same port. */
  stop(): Promise<void>
  start(): Promise<void>
}

const sshd = '/usr/sbin/sshd'

async function newKey(path: string): Promise<{ key: string; fingerprint: string }> {
  await rm(path, { force: true })
  await rm(`${path}.pub`, { force: true })
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path])
  const key = (await readFile(`${path}.pub`, 'utf8')).trim()
  const { stdout } = await run('ssh-keygen', ['-lf', `${path}.pub`])
  return { key: key.split(' ').slice(0, 2).join(' '), fingerprint: stdout.split(' ')[1] ?? '' }
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('data', () => (socket.destroy(), resolve(true)))
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })

/** Needs root, as sshd does to change users. */
export async function startSshd(input: SshdInput = {}): Promise<Sshd> {
  const folder = await mkdtemp(join(tmpdir(), 'howdah-sshd-'))
  const port = input.port ?? (await freePort())
  const hostKeyFile = join(folder, 'host_key')
  let host = await newKey(hostKeyFile)
  const client = await newKey(join(folder, 'client_key'))
  const privateKey = await readFile(join(folder, 'client_key'), 'utf8')
  await writeFile(join(folder, 'authorized_keys'), `${client.key}\n`, { mode: 0o644 })
  await chmod(folder, 0o755)
  const home = join(folder, 'home')
  await mkdir(home, { mode: 0o700 })
  if (input.user !== undefined) await chown(home, input.user.uid, input.user.gid)
  await mkdir('/run/sshd', { recursive: true, mode: 0o755 })
  const settings = {
    Port: String(port), ListenAddress: '127.0.0.1', HostKey: hostKeyFile, AuthorizedKeysFile: join(folder, 'authorized_keys'), PidFile: join(folder, 'pid'), UsePAM: 'no', PasswordAuthentication: 'no', KbdInteractiveAuthentication: 'no',
    SetEnv: Object.entries({ HOME: home, PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`, ...input.environment }).map(([name, value]) => `"${name}=${value}"`).join(' '), PermitRootLogin: 'prohibit-password', StrictModes: 'no', LogLevel: 'ERROR', ...input.settings,
  }
  const config = join(folder, 'sshd_config')
  await writeFile(config, Object.entries(settings).map(([name, value]) => `${name} ${value}\n`).join(''))

  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    const [program, ...words] = [...(input.isApart === true ? apart : []), sshd, '-D', '-e', '-f', config] as const
    const started = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'], detached: true })
    let said = ''
    started.stderr.on('data', (chunk: Buffer) => void (said += chunk.toString()))
    child = started
    const until = Date.now() + 10_000
    while (!(await answers(port))) {
      if (started.exitCode !== null || Date.now() > until) throw new Error(`sshd did not start: ${said}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const stop = async (): Promise<void> => {
    const ending = child
    child = undefined
    if (ending?.pid === undefined || ending.exitCode !== null) return
    const exited = new Promise((resolve) => ending.once('exit', resolve))
    // Sessions are processes of their own: the children of this sshd and theirs.
    for (const pid of await descendants(ending.pid)) kill(pid)
    kill(ending.pid)
    await exited
  }
  await start()
  return {
    port,
    get hostKey() {
      return host.key
    },
    get fingerprint() {
      return host.fingerprint
    },
    privateKey,
    user: input.user?.name ?? userInfo().username,
    home,
    async rotateHostKey() {
      await stop()
      host = await newKey(hostKeyFile)
      await start()
    },
    stop,
    start,
    async [Symbol.asyncDispose]() {
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** Session processes of sshd, not what a session has detached from itself. */
async function descendants(pid: number): Promise<number[]> {
  const { stdout } = await run('ps', ['-e', '-o', 'pid=,ppid=,comm='])
  const rows = stdout.trim().split('\n').map((line) => line.trim().split(/\s+/)).map(([child, parent, name]) => ({ pid: Number(child), parent: Number(parent), name }))
  const below = (of: number): number[] => rows.filter((row) => row.parent === of && row.name?.startsWith('sshd')).flatMap((row) => [row.pid, ...below(row.pid)])
  return below(pid)
}
