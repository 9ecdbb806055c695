// A systemd of its own, in namespaces and a control group of its own, gone with `await using`: a host has one, whatever runs the machine of the tests.
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ServerUser } from './cluster.ts'

const run = promisify(execFile)
const PROGRAM = '/lib/systemd/systemd'
const GROUPS = ['/sys/fs/cgroup', '/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified']

/** Only root may make its namespaces. */
export const hasSystemd = process.getuid?.() === 0 && existsSync(PROGRAM) && existsSync('/usr/bin/nsenter') && existsSync('/usr/bin/dbus-daemon')

export interface TestSystemd extends AsyncDisposable {
  /** What a command there says, run as root. */
  run(...argv: string[]): Promise<string>
  /** Writes a unit and lets systemd read it. */
  unit(name: string, text: string): Promise<void>
  /** Path of a program that starts Node there, as root or as a user. */
  nodeAs(user: ServerUser | null): Promise<string>
}

/** Its group is below the one the test runs in, so that a systemd that runs the machine is not disturbed. `$1` units, `$2` name of the group. */
const SCRIPT = `set -e
for top in ${GROUPS.join(' ')}; do
  if [ -e $top/cgroup.procs ]; then mkdir -p $top/$2; echo $$ > $top/$2/cgroup.procs; fi
done
exec unshare --fork --kill-child --pid --mount --uts --ipc --cgroup --mount-proc sh -ec '
  if [ -e /sys/fs/cgroup/cgroup.procs ]; then mount -t cgroup2 cgroup2 /sys/fs/cgroup
  else
    mount -t tmpfs tmpfs /sys/fs/cgroup
    mkdir /sys/fs/cgroup/systemd
    mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
  fi
  mount -t tmpfs tmpfs /run
  export container=howdah SYSTEMD_UNIT_PATH="$0"
  exec ${PROGRAM} --system --unit=test.target --log-target=console' "$1"
`

/** Whoever is not root asks systemd by way of it. */
const BUS = {
  'dbus.socket': '[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/dbus/system_bus_socket\n',
  'dbus.service': '[Unit]\nDefaultDependencies=no\nRequires=dbus.socket\n[Service]\nType=notify\nExecStart=/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation --syslog-only\n',
  'test.target': '[Unit]\nDescription=Units of a test\nWants=dbus.service\nAfter=dbus.service\n',
} as const

/** Until `look` gives something. */
async function comes<T>(what: string, look: () => Promise<T | null>): Promise<T> {
  for (const until = Date.now() + 30_000; Date.now() < until; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const found = await look().catch(() => null)
    if (found !== null) return found
  }
  throw new Error(`${what} did not come in time.`)
}

export async function startSystemd(): Promise<TestSystemd> {
  const folder = await mkdtemp(join(tmpdir(), 'howdah-systemd-'))
  await chmod(folder, 0o755)
  const group = folder.slice(folder.lastIndexOf('/') + 1)
  for (const [name, text] of Object.entries(BUS)) await writeFile(join(folder, name), text)
  const child = spawn('sh', ['-c', SCRIPT, 'sh', folder, group], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => void (said += chunk.toString()))
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const failed = (cause: unknown): never => {
    child.kill('SIGKILL')
    throw new Error(`systemd did not start: ${said}`, { cause })
  }
  // Before it the script has children of its own.
  const pid = await comes('A systemd', async () => {
    const of = (await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')).trim()
    return (await readFile(`/proc/${of}/cmdline`, 'utf8')).startsWith(PROGRAM) ? Number(of) : null
  }).catch(failed)
  const there = ['nsenter', '-t', String(pid), '-m', '-p', '-C', '-u', '-i', '--']
  const inside = async (...argv: string[]): Promise<string> => (await run(there[0] ?? '', [...there.slice(1), ...argv])).stdout.trim()
  await comes('The answer of systemd', async () => ((await inside('systemctl', 'is-system-running')) === 'running' ? true : null)).catch(failed)
  return {
    run: inside,
    async unit(name, text) {
      await writeFile(join(folder, name), text)
      await inside('systemctl', 'daemon-reload')
    },
    async nodeAs(user) {
      const path = join(folder, `node-${user?.name ?? 'root'}`)
      const as = user?.uid === undefined ? [] : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups']
      await writeFile(path, `#!/bin/sh\nexec ${[...there, ...as, process.execPath].join(' ')} "$@"\n`, { mode: 0o755 })
      return path
    },
    async [Symbol.asyncDispose]() {
      // With its first process the whole namespace ends.
      process.kill(pid, 'SIGKILL')
      await exited
      for (const top of GROUPS) if (existsSync(join(top, group))) await run('find', [join(top, group), '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';'])
      await rm(folder, { recursive: true, force: true })
    },
  }
}
