// One finished segment handed to an archive: the command Howdah recommends, cp with fsync, and pgBackRest's archive-push.
import { chown, copyFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { archiveCommand, expandCommand } from '#lib/postgres/archive-command.ts'
import { bytesIn, freshFolder, must, serverIdentity } from './commands.ts'
import type { Contestant, Scene } from './contestant.ts'
import { type Installed, pgbackrest } from './pgbackrest.ts'

const SEGMENT = /^[0-9A-F]{24}$/

/** A segment full of a server's real work, copied to where no server recycles it. */
async function segmentOf({ cluster, scratch }: Scene): Promise<{ path: string; name: string }> {
  await cluster.sql('create table if not exists bench_wal as select g as id, md5(g::text) as a, md5((g + 1)::text) as b from generate_series(1, 200000) g; drop table bench_wal; select pg_switch_wal()')
  const folder = join(cluster.dataDirectory, 'pg_wal')
  const [current] = await cluster.sql('select pg_walfile_name(pg_current_wal_lsn()) as name')
  const finished = (await readdir(folder)).filter((name) => SEGMENT.test(name) && typeof current?.['name'] === 'string' && name < current['name']).toSorted()
  // The last one was cut short by the switch.
  const name = finished.at(-2)
  if (name === undefined) throw new Error(`There is no finished segment in ${folder}.`)
  const path = join(await freshFolder(join(scratch, 'segment')), name)
  await copyFile(join(folder, name), path)
  const { uid, gid } = await serverIdentity()
  if (uid !== undefined && gid !== undefined) await chown(path, uid, gid)
  return { path, name }
}

/** A single quote cannot stand in these paths unless a person chose such a work folder. */
const quoted = (path: string): string => `'${path.replaceAll("'", String.raw`'\''`)}'`

export async function walContestants(scene: Scene, versions: readonly Installed[]): Promise<[Contestant, ...Contestant[]]> {
  const segment = await segmentOf(scene)
  const as = { ...(await serverIdentity()), cwd: scene.cluster.dataDirectory }
  const byShell = (name: string, folder: string, command: string): Contestant => ({
    name,
    prepare: async () => void (await freshFolder(folder)),
    run: async () => void (await must(['/bin/sh', '-c', expandCommand(command, { p: segment.path, f: segment.name })], as)),
    async stored() {
      const { size } = await stat(join(folder, segment.name))
      return size
    },
    clear: async () => void (await freshFolder(folder)),
  })
  const [ours, copied] = [join(scene.scratch, 'archive-howdah'), join(scene.scratch, 'archive-cp')]
  const copy = `cp "%p" ${quoted(copied)}/%f && sync ${quoted(copied)}/%f ${quoted(copied)}`
  const pushes: Contestant[] = []
  for (const version of versions) {
    const peer = await pgbackrest(scene, version)
    await peer.create()
    const archive = join(peer.repository, 'archive/bench')
    const [stanzaFolder = ''] = (await readdir(archive, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map((entry) => entry.name)
    const segments = join(archive, stanzaFolder === '' ? `${scene.cluster.major}-1` : stanzaFolder)
    pushes.push({
      name: `${peer.name.replace(/ \(.*/, '')} archive-push`,
      prepare: async () => void (await must(['rm', '-rf', segments], as)),
      run: async () => void (await must(['/bin/sh', '-c', expandCommand(`${quoted(version.program)} --config=${quoted(join(peer.folder, 'pgbackrest.conf'))} --stanza=bench archive-push "%p"`, { p: segment.path, f: segment.name })], as)),
      stored: () => bytesIn(segments),
      clear: () => Promise.resolve(),
    })
  }
  return [byShell('Howdah archive_command', ours, archiveCommand(ours)), byShell('cp, sync', copied, copy), ...pushes]
}
