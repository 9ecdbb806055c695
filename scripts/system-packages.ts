// What the tests need of the machine itself: found by its files, installed by apt where that is possible, else named exactly.
import { rm, writeFile } from 'node:fs/promises'
import { childEnvironment } from '#lib/platform/env.ts'
import { isThere } from '#lib/platform/files.ts'
import { exitText, start } from '#lib/platform/process.mjs'
import { StepError } from './steps.ts'

/** Debian's package, and a file of it that the tests use. */
export const needed = [
  { name: 'postgresql-15', file: '/usr/lib/postgresql/15/bin/pg_checksums', why: 'psql, pgbench, pg_verifybackup and pg_checksums' },
  { name: 'openssh-server', file: '/usr/sbin/sshd', why: 'a real SSH server' },
  { name: 'chromium', file: '/usr/bin/chromium', why: 'the browser' },
  { name: 'zstd', file: '/usr/bin/zstd', why: 'unpacking images by hand' },
  { name: 'age', file: '/usr/bin/age', why: 'decrypting images by hand' },
  { name: 'systemd', file: '/lib/systemd/systemd', why: 'units of a host, run by a systemd of their own' },
  { name: 'dbus', file: '/usr/bin/dbus-daemon', why: 'asking that systemd as another user than root' },
  { name: 'sudo', file: '/usr/bin/sudo', why: 'the run-as of a host' },
  { name: 'openssl', file: '/usr/bin/openssl', why: 'certificates of test servers' },
  ...(['account', 'container', 'object', 'proxy'] as const).map((kind) => ({ name: `swift-${kind}`, file: `/usr/bin/swift-${kind}-server`, why: 'a real S3 server: OpenStack Swift with s3api' })),
] as const

/** dpkg asks this before it starts a service; 101 forbids, so that no server of Debian's own comes up. https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt */
const policy = '/usr/sbin/policy-rc.d'

async function missing(): Promise<(typeof needed)[number][]> {
  const found = await Promise.all(needed.map(async (one) => ((await isThere(one.file)) ? [] : [one])))
  return found.flat()
}

async function apt(...args: readonly string[]): Promise<void> {
  const { exited } = start({ argv: ['apt-get', ...args], env: childEnvironment({ DEBIAN_FRONTEND: 'noninteractive' }) }, { inherit: true })
  const exit = await exited
  if (exit.code !== 0) throw new StepError(`apt-get ${args.join(' ')} ended with ${exitText(exit)}`)
}

/** Returns what it installed. Without apt or without root it fails with the command to run. */
export async function ensureSystemPackages(): Promise<string> {
  const wanted = await missing()
  if (wanted.length === 0) return 'nothing missing'
  const names = wanted.map(({ name }) => name)
  if (!(await isThere('/usr/bin/apt-get')) || process.getuid?.() !== 0) {
    const lines = wanted.map(({ name, file, why }) => `  ${name.padEnd(16)} ${file.padEnd(44)} ${why}`)
    throw new StepError(`The tests need programs that this machine has not (package, file, what for):\n${lines.join('\n')}\nInstall them on Debian or Ubuntu: sudo apt-get install -y ${names.join(' ')}`)
  }
  const isOurPolicy = !(await isThere(policy))
  if (isOurPolicy) await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    await apt('update', '-q')
    await apt('install', '-y', '-q', '--no-install-recommends', ...names)
  } finally {
    if (isOurPolicy) await rm(policy)
  }
  const still = await missing()
  if (still.length > 0) throw new StepError(`apt-get installed ${names.join(', ')}, but there is no ${still.map(({ file }) => file).join(', ')}. The tests are made for Debian 12.`)
  return `installed ${names.join(', ')}`
}
