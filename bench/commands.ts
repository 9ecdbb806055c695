// Programs that the benchmark starts: as whom, and what happens when one fails.
import { randomUUID } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { chown, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { serverUser } from '#e2e/hosts/cluster.ts'
import { childEnvironment } from '#lib/platform/env.ts'
import { exitText, run } from '#lib/platform/process.mjs'

export type Argv = readonly [string, ...string[]]
export interface Identity { uid?: number; gid?: number }

/** Root gives its programs the server's user; everybody else is the server's user. */
export async function serverIdentity(): Promise<Identity> {
  const { uid, gid } = await serverUser()
  return uid === undefined || gid === undefined ? {} : { uid, gid }
}

/** Returns what it wrote; throws with the command and its last words unless it ends with 0. */
export async function must(argv: Argv, how: Identity & { cwd?: string } = {}): Promise<string> {
  const { stdout, stderr, ...exit } = await run({ argv, cwd: '/', env: childEnvironment({ LC_ALL: 'C' }), ...how })
  if (exit.code !== 0) throw new Error(`${argv.join(' ')} ended with ${exitText(exit)}: ${(stderr + stdout).trim().slice(-3000)}`)
  return stdout
}

/** An empty folder that the server's user owns. */
export async function freshFolder(path: string): Promise<string> {
  await rm(path, { recursive: true, force: true })
  await mkdir(path, { recursive: true, mode: 0o755 })
  const { uid, gid } = await serverIdentity()
  if (uid !== undefined && gid !== undefined) await chown(path, uid, gid)
  return path
}

/**
 * Takes a folder out of the way until the benchmark ends, its files emptied. Removed, they would be measured with whoever comes next: ext4 passes
 * over the inodes of files that were removed within five minutes one by one, which costs a new file up to a millisecond.
 */
export async function setAside(scratch: string, path: string): Promise<void> {
  const aside = join(scratch, 'aside')
  await mkdir(aside, { recursive: true })
  await must(['find', path, '-type', 'f', '-size', '+0', '-exec', 'truncate', '-s', '0', '{}', '+'])
  await rename(path, join(aside, randomUUID()))
}

const PROBES = 100
const DEAR_US = 80
const LOOK_AGAIN_MS = 15_000
const PATIENCE_MS = 330_000

/** Waits until a new file costs what it should: whatever was removed here a moment ago, an earlier benchmark's copies for one, would be measured with every restore. See `setAside`. */
export async function untilFilesCostLittle(scratch: string, say: (text: string) => void): Promise<void> {
  const begin = performance.now()
  for (let round = 0; performance.now() - begin < PATIENCE_MS; round += 1) {
    const folder = join(scratch, 'aside', `probe-${round}`)
    await mkdir(folder, { recursive: true })
    const before = performance.now()
    for (let number = 0; number < PROBES; number += 1) closeSync(openSync(join(folder, String(number)), 'wx'))
    const costUs = ((performance.now() - before) * 1000) / PROBES
    if (costUs < DEAR_US) return
    if (round === 0) say(`A new file in ${scratch} costs ${costUs.toFixed(0)} µs, since files were removed there: waiting until it is less than ${DEAR_US}, five minutes at most`)
    await sleep(LOOK_AGAIN_MS)
  }
}

/** Bytes of all files below. */
export async function bytesIn(folder: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size
  return bytes
}
