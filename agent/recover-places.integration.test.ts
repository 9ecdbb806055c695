// Recoveries in place where things lie otherwise: data directories that cannot be renamed, links, full disks, other settings, nothing there at all.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { appendFile, chown, mkdir, mkdtemp, readdir, readlink, rename, rm, stat, statfs, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accessTo, fullBackup, startAgent, type TestAgent } from '#e2e/hosts/agent.ts'
import { asServerUser, endServer, startCluster } from '#e2e/hosts/cluster.ts'
import { majorsToTest } from '#e2e/hosts/majors.ts'
import { freePort } from '#e2e/hosts/ports.ts'
import { copyOf, pastIn, pastOf, placeOf, recoverJob, restart, runJob } from '#e2e/hosts/recovery.ts'
import type { RunEvent } from '#lib/domain/event.ts'
import { RecoverResult } from '#lib/protocol/recovery.ts'

const run = promisify(execFile)
const isPhase = ({ body }: RunEvent, phase: string): boolean => body.kind === 'phase' && body.phase === phase

describe('a recovery in place where things lie otherwise', () => {
  let agent: TestAgent
  beforeAll(async () => {
    agent = await startAgent()
  })
  afterAll(() => agent[Symbol.asyncDispose]())

  test('a directory that cannot be renamed keeps its place: what is in it is set aside within, and comes back by Undo; pg_wal stays a link [K8] [K7]', async () => {
    await using cluster = await startCluster({ major: 17 })
    const { uid = 0, gid = 0 } = await asServerUser()
    const space = join(cluster.folder, 'space')
    await mkdir(space, { mode: 0o700 })
    await chown(space, uid, gid)
    await cluster.sql(`create tablespace side location '${space}'`)
    await cluster.sql('create table aside tablespace side as select g from generate_series(1, 3000) g')
    const past = await pastIn(agent, cluster)
    const walHome = join(cluster.folder, 'wal home')
    await restart(cluster, async () => {
      await mkdir(walHome, { mode: 0o700 })
      await chown(walHome, uid, gid)
      await rename(join(cluster.dataDirectory, 'pg_wal'), join(walHome, 'pg_wal'))
      await symlink(join(walHome, 'pg_wal'), join(cluster.dataDirectory, 'pg_wal'))
    })
    const copy = await copyOf(agent, past, past.targets.name)
    // A copy that writes into the tablespace of the cluster that runs is refused.
    const [oid = ''] = await readdir(join(copy, 'data', 'pg_tblspc'))
    const link = join(copy, 'data', 'pg_tblspc', oid)
    const own = await readlink(link)
    const relink = async (target: string): Promise<void> => {
      await rm(link)
      await symlink(target, link)
    }
    await relink(space)
    expect((await runJob(agent, recoverJob(past, copy))).end).toMatchObject({ outcome: 'failed', problem: { code: 'destination-refused', message: expect.stringContaining(space) as string } })
    await relink(own)
    const { ino } = await stat(cluster.dataDirectory)
    await chown(cluster.folder, 0, 0)
    const inSpace = async (): Promise<string[]> => Promise.all((await readdir(space, { recursive: true })).toSorted().map(async (name) => `${name} ${(await stat(join(space, name))).mtimeMs}`))
    let before: string[] = []
    const { end, runId } = await runJob(agent, recoverJob(past, copy), async (event) => {
      if (isPhase(event, 'place')) before = await inSpace()
    })
    expect(end?.problem).toBeUndefined()
    const { wayBack, systemIdentifier } = RecoverResult.parse(end?.result)
    expect(wayBack).toMatchObject({ mode: 'contents', oldPath: join(cluster.dataDirectory, `.howdah-before-${runId.slice(0, 8)}`) })
    expect((await stat(cluster.dataDirectory)).ino).toBe(ino)
    expect(await readlink(join(cluster.dataDirectory, 'pg_wal'))).toBe(join(walHome, `pg_wal.recovered-${runId.slice(0, 8)}`))
    expect((await cluster.sql("select count(*)::int as n from mark where word = 'after'"))[0]).toEqual({ n: 0 })
    await cluster.sql('update aside set g = g + 1; checkpoint')
    expect(before.length).toBeGreaterThan(2)
    expect(await inSpace()).toEqual(before)
    const undone = await runJob(agent, { kind: 'undo', systemIdentifier, copy, place: placeOf(past), wayBack })
    expect(undone.end).toMatchObject({ outcome: 'succeeded', result: { isRunning: true } })
    expect((await cluster.sql('select sum(g)::int as sum from aside'))[0]).toEqual({ sum: 4_501_500 })
    expect((await cluster.sql("select count(*)::int as n from mark where word = 'after'"))[0]).toEqual({ n: 1000 })
    expect(await readlink(join(cluster.dataDirectory, 'pg_wal'))).toBe(join(walHome, 'pg_wal'))
  })

  test('a data directory that is a mount point stays mounted: the copy is restored within it, and backups leave it out [K8] [P12]', async ({ skip }) => {
    const past = await pastOf(agent, { major: 15 })
    await using cluster = past.cluster
    const { uid = 0, gid = 0 } = await asServerUser()
    let isMounted = false
    await restart(cluster, async () => {
      await rename(cluster.dataDirectory, join(cluster.folder, 'moved'))
      await mkdir(cluster.dataDirectory)
      isMounted = await run('mount', ['-t', 'tmpfs', '-o', `size=420m,mode=0700,uid=${uid},gid=${gid}`, 'tmpfs', cluster.dataDirectory]).then(() => true, () => false)
      await run('cp', ['-a', `${join(cluster.folder, 'moved')}/.`, cluster.dataDirectory])
    })
    try {
      if (!isMounted) return skip('this machine lets nobody mount')
      const beside = await copyOf(agent, past, past.targets.name)
      expect((await runJob(agent, recoverJob(past, beside))).end).toMatchObject({ outcome: 'failed', problem: { code: 'destination-refused', hint: expect.stringContaining(`${cluster.dataDirectory}/.howdah-restore-`) as string } })
      const copy = await copyOf(agent, past, past.targets.name, join(cluster.dataDirectory, '.howdah-restore-1'))
      const { end } = await runJob(agent, recoverJob(past, copy))
      expect(end?.problem).toBeUndefined()
      const { wayBack, systemIdentifier } = RecoverResult.parse(end?.result)
      expect((await cluster.sql("select count(*)::int as n from mark where word = 'after'"))[0]).toEqual({ n: 0 })
      const again = await fullBackup(agent, accessTo(cluster))
      expect(again.result.rawBytes).toBeLessThan(past.stored.result.rawBytes * 1.3)
      expect((await runJob(agent, { kind: 'undo', systemIdentifier, copy, place: placeOf(past), wayBack })).end).toMatchObject({ outcome: 'succeeded' })
      expect((await cluster.sql("select count(*)::int as n from mark where word = 'after'"))[0]).toEqual({ n: 1000 })
    } finally {
      await endServer(cluster.dataDirectory)
      if (isMounted) await run('umount', ['-l', cluster.dataDirectory])
    }
  })

  test.each(majorsToTest([15]))('WAL of PostgreSQL %i that was written with more connections than the copy was made with is replayed all the same [K6]', async (major) => {
    const past = await pastOf(agent, { major, settings: { max_connections: '40' }, later: { max_connections: '130', max_prepared_transactions: '9' } })
    await using cluster = past.cluster
    const copy = await copyOf(agent, past, past.targets.lsn)
    const { end, events } = await runJob(agent, recoverJob(past, copy))
    expect(end?.problem).toBeUndefined()
    expect(events.flatMap(({ body }) => (body.kind === 'log' ? [body.text] : [])).filter((text) => text.includes('max_connections = 130')).length).toBeGreaterThan(0)
    expect((await cluster.sql("select count(*)::int as n from mark where word = 'before'"))[0]).toEqual({ n: 5000 })
  })

  test('on a disk that fills up while it replays: the old cluster runs again on the same full disk [K8]', async ({ skip }) => {
    const disk = await mkdtemp(join(tmpdir(), 'howdah-disk-'))
    if (await run('mount', ['-t', 'tmpfs', '-o', 'size=420m,mode=0755', 'tmpfs', disk]).then(() => false, () => true)) {
      await rm(disk, { recursive: true })
      return skip('this machine lets nobody mount')
    }
    const before = process.env['TMPDIR']
    try {
      process.env['TMPDIR'] = disk
      const past = await pastOf(agent, { major: 15 })
      await using cluster = past.cluster
      const copy = await copyOf(agent, past, past.targets.lsn)
      const fillTo = async (wantedMb: number): Promise<void> => {
        for (let freeMb = Infinity; freeMb > wantedMb; ) {
          await appendFile(join(disk, 'filler'), Buffer.alloc(2 ** 20 * (freeMb - wantedMb > 16 ? 8 : 1)))
          const { bavail, bsize } = await statfs(disk)
          freeMb = (bavail * bsize) / 2 ** 20
        }
      }
      await fillTo(160)
      // No segment is fetched before less than one is left.
      const full = join(past.cluster.folder, 'is full')
      await appendFile(join(copy, 'data', 'postgresql.auto.conf'), `restore_command = 'until [ -e "${full}" ]; do sleep 0.05; done; cp "${copy}/archive/%f" "%p"'\n`)
      const { end } = await runJob(agent, recoverJob(past, copy), async (event) => {
        if (!isPhase(event, 'replay')) return
        await fillTo(14)
        await writeFile(full, '')
      })
      expect(end).toMatchObject({ outcome: 'failed', problem: { code: 'no-space', message: expect.stringMatching(/^The disk filled up during the recovery of .*The old cluster runs again/) as string, detail: expect.stringMatching(/^.*No space left on device/) as string, hint: expect.stringContaining('Free space') as string } })
      expect((await cluster.sql("select count(*)::int as n from mark where word = 'after'"))[0]).toEqual({ n: 1000 })
      // With room again the same copy recovers.
      await rm(join(disk, 'filler'))
      expect((await runJob(agent, recoverJob(past, copy))).end).toMatchObject({ outcome: 'succeeded' })
    } finally {
      if (before === undefined) delete process.env['TMPDIR']
      else process.env['TMPDIR'] = before
      await run('umount', ['-l', disk])
      await rm(disk, { recursive: true })
    }
  })

  test('into an empty directory, as after the loss of a disk, there is nothing to set aside [K8] [K10]', async () => {
    const past = await pastOf(agent, { major: 15 })
    await using cluster = past.cluster
    const copy = await copyOf(agent, past, past.targets.time)
    await cluster.stop('immediate')
    await rm(cluster.dataDirectory, { recursive: true })
    const port = await freePort()
    await appendFile(join(copy, 'data', 'postgresql.conf'), `\nport = ${port}\nunix_socket_directories = '${cluster.socketDirectory}'\n`)
    const { end } = await runJob(agent, recoverJob(past, copy, { port }))
    expect(end?.problem).toBeUndefined()
    expect(RecoverResult.parse(end?.result)).toMatchObject({ port, timeline: 2, wayBack: { oldPath: null, mode: 'rename', wasRunning: false } })
    expect(existsSync(join(cluster.dataDirectory, 'postmaster.pid'))).toBe(true)
  })
})
