// pgBackRest as a contestant: every installed version with its own repository, and what it is told.
import { access, chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sshd } from '#e2e/hosts/sshd.ts'
import { bytesIn, freshFolder, must, serverIdentity, setAside } from './commands.ts'
import { type Contestant, type IncrementalContestant, LEVEL, type Scene, WORKERS } from './contestant.ts'

export interface Installed { program: string; version: string; hasBlocks: boolean }

const isThere = (path: string): Promise<boolean> => access(path).then(() => true, () => false)

/** Majors that a version knows. Source: https://pgbackrest.org/release.html: 16 since 2.48, 17 since 2.54, 18 since 2.57. */
const newestMajor = (version: string): number => {
  const minor = Number(version.split('.')[1])
  return minor >= 57 ? 18 : minor >= 54 ? 17 : minor >= 48 ? 16 : 15
}

/** Those that can back up this server, the system's first. Block incremental exists since 2.46. */
export async function installedPgbackrests({ cluster, second }: Pick<Scene, 'cluster' | 'second'>): Promise<Installed[]> {
  const found: Installed[] = []
  for (const program of ['/usr/bin/pgbackrest', ...(second === undefined ? [] : [join(second, 'bin/pgbackrest')])]) {
    if (!(await isThere(program))) continue
    const version = /(\d+\.[\d.]+)/.exec(await must([program, 'version']))?.[1] ?? ''
    if (newestMajor(version) >= cluster.major) found.push({ program, version, hasBlocks: Number(version.split('.')[1]) >= 46 })
  }
  return found
}

const STANZA = 'bench'

/** Its repository is a folder of the same machine; with `sshd` the data directory is reached through that, and it runs as whoever runs this. */
export async function pgbackrest(scene: Scene, { program, version, hasBlocks }: Installed, sshd?: Sshd) {
  const as = sshd === undefined ? await serverIdentity() : {}
  const folder = join(scene.scratch, `pgbackrest-${version}`)
  const config = join(folder, 'pgbackrest.conf')
  const repository = join(folder, 'repo')
  const restored = join(folder, 'restored')
  const command = (...args: string[]) => must([program, `--config=${config}`, `--stanza=${STANZA}`, ...args], as)
  const write = (path: string, section: Record<string, string | number>, host: Record<string, string | number> = {}) => {
    const { dataDirectory, socketDirectory, port } = scene.cluster
    const global = { 'lock-path': join(folder, `lock-${path === config ? 'repo' : 'host'}`), 'spool-path': join(folder, 'spool'), 'log-path': folder, 'log-level-file': 'off', 'log-level-console': 'warn', ...section }
    const stanza = { 'pg1-path': dataDirectory, 'pg1-socket-path': socketDirectory, 'pg1-port': port, 'pg1-user': 'postgres', ...host }
    const lines = (values: Record<string, string | number>) => Object.entries(values).map(([name, value]) => `${name}=${value}\n`).join('')
    return writeFile(path, `[global]\n${lines(global)}\n[${STANZA}]\n${lines(stanza)}`)
  }

  async function throughSshd({ port, privateKey, hostKey, user }: Sshd) {
    const [key, known, ssh, hostConfig] = ['key', 'known_hosts', 'ssh', 'host.conf'].map((name) => join(folder, name)) as [string, string, string, string]
    await writeFile(key, privateKey, { mode: 0o600 })
    await writeFile(known, `[127.0.0.1]:${port} ${hostKey}\n`)
    await writeFile(ssh, `#!/bin/sh\nexec /usr/bin/ssh -i '${key}' -o UserKnownHostsFile='${known}' -o IdentitiesOnly=yes "$@"\n`)
    await chmod(ssh, 0o755)
    await write(hostConfig, {})
    return { section: { 'cmd-ssh': ssh }, host: { 'pg1-host': '127.0.0.1', 'pg1-host-port': port, 'pg1-host-user': user, 'pg1-host-cmd': program, 'pg1-host-config': hostConfig } }
  }

  const label = hasBlocks ? 'bundle, block' : 'bundle'
  return {
    name: `pgBackRest ${version} (${label})`,
    folder, repository, restored, command,
    /** An empty repository with its stanza. */
    async create(): Promise<void> {
      await freshFolder(folder)
      const repo = { 'repo1-path': repository, 'repo1-bundle': 'y', ...(hasBlocks ? { 'repo1-block': 'y' } : {}), 'compress-type': 'zst', 'compress-level': LEVEL, 'process-max': WORKERS, 'start-fast': 'y', 'archive-check': 'n' }
      const remote = sshd === undefined ? undefined : await throughSshd(sshd)
      await write(config, { ...repo, ...remote?.section }, remote?.host)
      await command('stanza-create')
    },
  }
}
type Pgbackrest = Awaited<ReturnType<typeof pgbackrest>>

export const fullOf = (peer: Pgbackrest): Contestant => ({
  name: peer.name,
  prepare: () => peer.create(),
  run: async () => void (await peer.command('backup', '--type=full')),
  stored: () => bytesIn(join(peer.repository, 'backup')),
  clear: async () => void (await freshFolder(peer.folder)),
})

/** Differentials, so that each round stores what changed since the same full. */
export function incrementalOf(peer: Pgbackrest): IncrementalContestant {
  let before = 0
  return {
    name: peer.name,
    async full() {
      await peer.create()
      await peer.command('backup', '--type=full')
    },
    async prepare() {
      before = await bytesIn(join(peer.repository, 'backup'))
    },
    run: async () => void (await peer.command('backup', '--type=diff')),
    stored: async () => (await bytesIn(join(peer.repository, 'backup'))) - before,
    clear: () => Promise.resolve(),
  }
}

/** Off the clock: what is restored later. */
const once = (make: () => Promise<void>): (() => Promise<void>) => {
  let made: Promise<void> | undefined
  return () => (made ??= make())
}

const fullInto = (peer: Pgbackrest) => once(async () => {
  await peer.create()
  await peer.command('backup', '--type=full')
})

const restoring = (peer: Pgbackrest, ...more: string[]) => async (): Promise<void> => void (await peer.command('restore', '--type=none', `--pg1-path=${peer.restored}`, ...more))

/** Into an empty place. */
export function restoreOf(scene: Scene, peer: Pgbackrest): Contestant {
  const stored = fullInto(peer)
  return {
    name: peer.name,
    async prepare() {
      await stored()
      await freshFolder(peer.restored)
    },
    run: restoring(peer),
    stored: () => bytesIn(peer.restored),
    clear: () => setAside(scene.scratch, peer.restored),
  }
}

/** Onto a copy that nothing of differs. */
export function deltaOf(peer: Pgbackrest): Contestant {
  const copy = once(async () => {
    await fullInto(peer)()
    await freshFolder(peer.restored)
    await restoring(peer)()
  })
  return { name: peer.name, prepare: copy, run: restoring(peer, '--delta'), stored: () => Promise.resolve(null), clear: () => Promise.resolve() }
}
