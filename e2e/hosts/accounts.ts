// Accounts of this machine for one test: root makes them and takes them away again, and those that a killed test left behind with them.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
const PREFIX = 'howdah-test-'

export interface Account extends AsyncDisposable {
  name: string
  uid: number
  gid: number
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A second name of the server's own account would go on hiding its first. */
async function sweep(): Promise<void> {
  const names = (await readFile('/etc/passwd', 'utf8')).split('\n').flatMap((line) => (line.startsWith(PREFIX) ? [line.slice(0, line.indexOf(':'))] : []))
  for (const name of names) if (!isAlive(Number(name.slice(PREFIX.length).split('-')[0]))) await run('userdel', ['--force', name])
}

let made = 0
/** sshd lets it in by key. `gid`: its group, absent = one of its own. `uid`: another name of that account. */
export async function testAccount({ uid, gid }: { uid?: number | undefined; gid?: number | undefined } = {}): Promise<Account> {
  await sweep()
  made += 1
  const name = `${PREFIX}${process.pid}-${made}`
  const same = uid === undefined ? ['--system'] : ['--non-unique', '--uid', String(uid)]
  const group = gid === undefined ? ['--user-group'] : ['--gid', String(gid)]
  // A locked password would keep sshd from letting it in; this one only matches nothing.
  await run('useradd', [...same, ...group, '--no-create-home', '--password', '*', '--shell', '/bin/sh', name])
  const [user = 0, its = 0] = await Promise.all(['-u', '-g'].map(async (flag) => Number((await run('id', [flag, name])).stdout)))
  return { name, uid: user, gid: its, [Symbol.asyncDispose]: () => run('userdel', ['--force', name]).then(() => {}) }
}
