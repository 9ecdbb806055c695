// Backups in less usual circumstances: other segment sizes, a standby, a promotion, another backup beside, broken pages, many files, files outside.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { appendFile, chown, copyFile, mkdir, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { accessTo, collectWal, destinationIn, followRun, fullBackup, newRunId, runBackup, runRestore, settingsWith, startAgent, walOf } from '#e2e/hosts/agent.ts'
import { asServerUser, type Cluster, debianBinaries, noiseTable, serverFolder, startCluster, startRestored, startServer } from '#e2e/hosts/cluster.ts'
import { contentOf } from '#e2e/hosts/history.ts'
import { PAGE_BYTES } from '#lib/postgres/pages.ts'
import { recoverySettings } from '#lib/postgres/recovery.ts'
import { parseIndex } from '#lib/image/index.ts'

const run = promisify(execFile)

const toTheEnd = (archive: string): Record<string, string> =>
  Object.fromEntries(recoverySettings({ target: { kind: 'latest' }, isInclusive: true, timeline: 'latest', action: 'promote', restoreCommand: `cp ${archive}/%f "%p"` }).map(({ name, value }) => [name, value]))

const fill = (cluster: Cluster): Promise<unknown> => cluster.sql('create table t as select g as id, md5(g::text) as note from generate_series(1, 30000) g')

test.each([1, 64])('segments of %i MB: all from begin to end are there by count and arithmetic, and the copy starts [D6] [D1]', async (segmentSizeMb) => {
  await using cluster = await startCluster({ major: 15, segmentSizeMb })
  await using agent = await startAgent()
  await fill(cluster)
  const stored = await fullBackup(agent, accessTo(cluster))
  expect(stored.result.segmentSizeBytes).toBe(segmentSizeMb * 1024 * 1024)
  for (const { rawBytes } of stored.wal) expect(rawBytes).toBe(segmentSizeMb * 1024 * 1024)
  const wanted = await contentOf(cluster)
  const destination = await destinationIn(await serverFolder('restore'))
  await runRestore(agent, stored, { destination, recovery: { settings: toTheEnd(`${destination}/archive`) } })
  await using restored = await startRestored({ major: 15, dataDirectory: join(destination, 'data') })
  expect(await contentOf(restored)).toEqual(wanted)
})

describe('a standby', () => {
  /** A standby of `cluster` made from a backup, streaming from it. */
  const standbyOf = async (cluster: Cluster, agent: Awaited<ReturnType<typeof startAgent>>) => {
    const stored = await fullBackup(agent, accessTo(cluster))
    const destination = await destinationIn(await serverFolder('standby'))
    await runRestore(agent, stored, { destination })
    const dataDirectory = join(destination, 'data')
    await writeFile(join(dataDirectory, 'standby.signal'), '')
    await appendFile(join(dataDirectory, 'postgresql.auto.conf'), `primary_conninfo = 'host=127.0.0.1 port=${cluster.port} user=postgres'\nrestore_command = 'cp ${destination}/archive/%f "%p"'\n`)
    const server = await startServer({ major: cluster.major, dataDirectory, settings: { archive_mode: 'on', hot_standby: 'on' } })
    await expect.poll(async () => (await cluster.sql<{ n: number }>("select count(*)::int as n from pg_stat_replication where state = 'streaming'"))[0]?.n, { timeout: 30_000 }).toBe(1)
    return server
  }

  test.each([13, 17])('is backed up, and its image starts with what the primary had replicated, on %i [D14]', async (major) => {
    await using cluster = await startCluster({ major, checksums: true })
    await using agent = await startAgent()
    await fill(cluster)
    await using standby = await standbyOf(cluster, agent)
    await cluster.sql('update t set note = $$changed$$ where id < 500')
    const access = accessTo(cluster, { dataDirectory: standby.dataDirectory, connectionHost: standby.socketDirectory, port: standby.port })
    const taken = await runBackup(agent, access)
    expect(taken.result.fromStandby).toBe(true)
    // The last segment leaves the primary when the primary says so.
    await cluster.sql('select pg_switch_wal()')
    const stored = { ...taken, wal: await collectWal(agent, access, walOf(taken.result), taken.folder) }
    const destination = await destinationIn(await serverFolder('restore'))
    await runRestore(agent, stored, { destination, recovery: { settings: { ...toTheEnd(`${destination}/archive`), primary_conninfo: '' } } })
    await rm(join(destination, 'data/standby.signal'), { force: true })
    await using restored = await startRestored({ major, dataDirectory: join(destination, 'data') })
    expect(await restored.sql('select count(*)::int as n from t where note = $$changed$$')).toEqual([{ n: 499 }])
    expect(await contentOf(restored)).toEqual(await contentOf(cluster))
  })

  test('that is promoted under a backup fails it with the reason; the next backup is of the new timeline and restores [D14] [E7]', async () => {
    await using cluster = await startCluster({ major: 17 })
    await using agent = await startAgent()
    await cluster.sql(noiseTable('noise', 4))
    await using standby = await standbyOf(cluster, agent)
    const access = accessTo(cluster, { dataDirectory: standby.dataDirectory, connectionHost: standby.socketDirectory, port: standby.port })
    const runId = newRunId()
    await agent.call('run.start', { runId, job: { kind: 'backup', cluster: access, settings: settingsWith({ compression: 'level', compressionLevel: 19 }), label: `howdah ${runId}` } })
    let isPromoted = false
    const { end } = await followRun(agent, runId, async ({ body }) => {
      if (body.kind !== 'phase' || body.phase !== 'copy' || isPromoted) return
      isPromoted = true
      await standby.sql('select pg_promote()')
    })
    expect(isPromoted).toBe(true)
    expect(end?.outcome).toBe('failed')
    expect(end?.problem?.message).toMatch(/promoted/)
    await agent.call('run.release', { runId })
    await standby.sql(`alter system set archive_command = 'cp "%p" "${cluster.archiveDirectory}/%f"'`)
    await standby.sql('select pg_reload_conf()')
    const stored = await fullBackup(agent, access)
    expect(stored.result.timeline).toBe(2)
    const destination = await destinationIn(await serverFolder('restore'))
    await copyFile(join(cluster.archiveDirectory, '00000002.history'), join(stored.folder, '00000002.history'))
    await runRestore(agent, stored, { destination, recovery: { settings: { ...toTheEnd(`${destination}/archive`), recovery_target_timeline: 'current', primary_conninfo: '' } } })
    await using restored = await startRestored({ major: 17, dataDirectory: join(destination, 'data') })
    expect(await restored.sql('select count(*)::int as n from noise')).toEqual([{ n: 4 * 256 }])
  })
})

test('a backup goes on beside pg_basebackup, and two fulls that begin together have labels of their own [D15] [D9]', async () => {
  await using cluster = await startCluster({ major: 15 })
  await using agent = await startAgent()
  await fill(cluster)
  const beside = join(await serverFolder('beside'), 'copy')
  const [first, second] = await Promise.all([
    fullBackup(agent, accessTo(cluster)),
    fullBackup(agent, accessTo(cluster)),
    run(join(debianBinaries, 'pg_basebackup'), ['-h', '127.0.0.1', '-p', String(cluster.port), '-U', 'postgres', '-D', beside, '-c', 'fast']),
  ])
  const labels: string[] = []
  for (const stored of [first, second]) {
    const destination = await destinationIn(await serverFolder('restore'))
    await runRestore(agent, stored, { destination, recovery: { settings: toTheEnd(`${destination}/archive`) } })
    labels.push(/^LABEL: (.*)$/m.exec(await readFile(join(destination, 'data/backup_label'), 'utf8'))?.[1] ?? '')
    await using restored = await startRestored({ major: 15, dataDirectory: join(destination, 'data') })
    expect(await restored.sql('select count(*)::int as n from t')).toEqual([{ n: 30000 }])
  }
  expect(new Set(labels).size).toBe(2)
})

test('a page with a wrong checksum makes the backup strange, naming file and block, in a full and in changes alike [D16]', async () => {
  await using cluster = await startCluster({ major: 15, checksums: true })
  await using agent = await startAgent()
  await fill(cluster)
  await cluster.sql('create table big as select g as id, repeat(md5(g::text), 20) as note from generate_series(1, 8000) g; checkpoint')
  const paths = await cluster.sql<{ t: string; big: string }>("select pg_relation_filepath('t') as t, pg_relation_filepath('big') as big")
  const { t = '', big = '' } = paths[0] ?? {}
  const sound = await fullBackup(agent, accessTo(cluster))
  expect(sound.events.filter(({ body }) => body.kind === 'strange')).toEqual([])
  for (const [path, block] of [[t, 3], [big, 300]] as const) {
    const file = await open(join(cluster.dataDirectory, path), 'r+')
    await file.write(Buffer.from('\x00damage'), 0, 7, block * PAGE_BYTES + 4000)
    await file.close()
  }
  for (const base of [undefined, sound]) {
    const { events } = await runBackup(agent, accessTo(cluster), {}, () => {}, base)
    const texts = events.flatMap(({ body }) => (body.kind === 'strange' ? [body.text] : []))
    expect(texts.toSorted()).toEqual([`${big}: block 300 has a wrong page checksum; the image holds the file as it is`, `${t}: block 3 has a wrong page checksum; the image holds the file as it is`].toSorted())
    expect(events.at(-1)?.body).toMatchObject({ kind: 'end', outcome: 'strange' })
  }
})

test('a file of the server that the agent may not read fails the backup with its path; one that vanishes does not [D5]', async () => {
  await using cluster = await startCluster({ major: 15 })
  await using agent = await startAgent()
  await fill(cluster)
  const secret = join(cluster.dataDirectory, 'secret.conf')
  await writeFile(secret, 'x', { mode: 0o000 })
  await expect(runBackup(agent, accessTo(cluster))).rejects.toMatchObject({ problem: { code: 'read-failed', message: expect.stringContaining(secret) as string } })
  await rm(secret)
  await symlink('/nowhere/at/all', join(cluster.dataDirectory, 'dangling'))
  const { events, result } = await runBackup(agent, accessTo(cluster))
  expect(result.fileCount).toBeGreaterThan(100)
  expect(events.some(({ body }) => body.kind === 'log' && body.text.includes('dangling'))).toBe(true)
})

test('configuration outside of the data directory, with what it includes, is in the image, and the copy starts from it (peer bug 14) [D17]', async () => {
  await using cluster = await startCluster({ major: 16 })
  await using agent = await startAgent()
  await fill(cluster)
  await cluster.stop()
  const etc = await serverFolder('etc')
  const { uid, gid } = await asServerUser()
  await mkdir(join(etc, 'conf.d'))
  const main = join(etc, 'postgresql.conf')
  const own = await readFile(join(cluster.dataDirectory, 'postgresql.conf'), 'utf8')
  await writeFile(main, `${own}\ndata_directory = '${cluster.dataDirectory}'\nhba_file = '${etc}/pg_hba.conf'\nident_file = '${etc}/pg_ident.conf'\ninclude_dir = 'conf.d'\n`)
  await writeFile(join(etc, 'conf.d/10-work.conf'), "work_mem = '7MB'\n")
  for (const name of ['pg_hba.conf', 'pg_ident.conf']) {
    await copyFile(join(cluster.dataDirectory, name), join(etc, name))
    await rm(join(cluster.dataDirectory, name))
  }
  await rm(join(cluster.dataDirectory, 'postgresql.conf'))
  if (uid !== undefined && gid !== undefined) await run('chown', ['-R', `${uid}:${gid}`, etc])
  await using server = await startServer({ major: 16, dataDirectory: cluster.dataDirectory, settings: { config_file: main } })
  const stored = await fullBackup(agent, accessTo(cluster, { connectionHost: server.socketDirectory, port: server.port }))
  const paths = parseIndex(await readFile(join(stored.folder, stored.result.index.name))).flatMap(({ path }) => (path?.startsWith('howdah-config/') === true ? [path] : []))
  expect(paths.toSorted()).toEqual([`howdah-config${etc}/conf.d/10-work.conf`, `howdah-config${etc}/pg_hba.conf`, `howdah-config${etc}/pg_ident.conf`, `howdah-config${main}`].toSorted())
  const destination = await destinationIn(await serverFolder('restore'))
  await runRestore(agent, stored, { destination, recovery: { settings: toTheEnd(`${destination}/archive`) } })
  await using restored = await startRestored({ major: 16, dataDirectory: join(destination, 'data') })
  expect(await restored.sql('show work_mem')).toEqual([{ work_mem: '7MB' }])
})

test('a segment that is still being copied is not complete, however it is copied [E6]', async () => {
  await using cluster = await startCluster({ major: 15 })
  await using agent = await startAgent()
  await fill(cluster)
  const stored = await fullBackup(agent, accessTo(cluster))
  const name = stored.wal[0]?.name ?? ''
  const path = join(cluster.archiveDirectory, name)
  const whole = await readFile(path)
  const completeness = async () => (await agent.call('wal.list', { cluster: accessTo(cluster), limit: 100 })).files.find((file) => file.name === name)?.complete
  expect(await completeness()).toBe(true)
  // As cp leaves it half way; as a copy that reserves the space first leaves it.
  for (const half of [whole.subarray(0, whole.length / 2), Buffer.concat([Buffer.alloc(whole.length / 2), Buffer.alloc(whole.length / 2)])]) {
    await writeFile(path, half)
    expect(await completeness()).toBe(false)
    await expect(agent.bulk({ op: 'wal', archiveDirectory: cluster.archiveDirectory, name, segmentSizeBytes: 16 * 1024 * 1024, level: 3 })).rejects.toMatchObject({ problem: { code: expect.any(String) as string } })
  }
  // Whole in length and head, but the server has not heard that its command ended.
  await writeFile(path, Buffer.concat([whole.subarray(0, whole.length / 2), Buffer.alloc(whole.length / 2)]))
  const status = join(cluster.dataDirectory, 'pg_wal/archive_status', `${name}.ready`)
  await writeFile(status, '')
  expect(await completeness()).toBe(false)
  await rm(status)
})

test.each([
  { title: 'no program of PostgreSQL in its path, psql neither', path: '/nonexistent', told: 'No PostgreSQL 18 programs found' },
  { title: 'client programs older than the server', path: debianBinaries, told: `those in ${debianBinaries} are of 15` },
])('the agent checks, backs up and restores 18 with $title [M5] [M12]', async ({ path, told }) => {
  await using cluster = await startCluster({ major: 18 })
  await using agent = await startAgent({ env: { PATH: path } })
  await fill(cluster)
  const wanted = await contentOf(cluster)
  const { lines } = await agent.call('cluster.check', { cluster: accessTo(cluster), announceSegmentSwitch: true, consoleClock: new Date().toISOString() })
  expect(lines.filter(({ status }) => status === 'error')).toEqual([])
  expect(lines.find(({ id }) => id === 'server-version')).toMatchObject({ status: 'ok', message: expect.stringContaining('18') as string })
  expect(lines.find(({ id }) => id === 'binaries')).toMatchObject({ status: 'info', message: expect.stringContaining(told) as string })
  const stored = await fullBackup(agent, accessTo(cluster))
  const destination = await destinationIn(await serverFolder('restore'))
  await runRestore(agent, stored, { destination, recovery: { settings: toTheEnd(`${destination}/archive`) } })
  await using restored = await startRestored({ major: 18, dataDirectory: join(destination, 'data') })
  expect(await contentOf(restored)).toEqual(wanted)
})

test('names in the archive that are no plain segments: a .partial is collected, compressed ones are left, and the check tells them apart [E8] [F3]', async () => {
  await using cluster = await startCluster({ major: 15 })
  await using agent = await startAgent()
  await fill(cluster)
  const stored = await fullBackup(agent, accessTo(cluster))
  const [older, newer] = [stored.wal[0]?.name ?? '', stored.wal.at(-1)?.name ?? '']
  const beyond = `${newer.slice(0, 16)}${(Number.parseInt(newer.slice(16), 16) + 5).toString(16).toUpperCase().padStart(8, '0')}`
  const lineOf = async () => (await agent.call('cluster.check', { cluster: accessTo(cluster), announceSegmentSwitch: false, consoleClock: new Date().toISOString() })).lines.find(({ id }) => id === 'archive-names')
  expect(await lineOf()).toMatchObject({ status: 'ok' })
  // As a promotion leaves the last segment of its old timeline.
  await copyFile(join(cluster.archiveDirectory, newer), join(cluster.archiveDirectory, `${newer}.partial`))
  await writeFile(join(cluster.archiveDirectory, `${older}.gz`), 'x')
  const { files, foreign } = await agent.call('wal.list', { cluster: accessTo(cluster), limit: 100 })
  expect(files.find(({ name }) => name === `${newer}.partial`)).toMatchObject({ complete: true })
  expect(foreign).toContain(`${older}.gz`)
  expect(await lineOf()).toMatchObject({ status: 'warn', found: `${older}.gz` })
  await writeFile(join(cluster.archiveDirectory, `${beyond}.zst`), 'x')
  expect(await lineOf()).toMatchObject({ status: 'error', found: `${beyond}.zst`, wanted: beyond })
})

test('100 000 files are backed up and restored, and neither takes more memory than a few files would [D18]', async () => {
  await using cluster = await startCluster({ major: 15 })
  await using agent = await startAgent()
  const crowd = join(cluster.dataDirectory, 'base/crowd')
  await mkdir(crowd)
  const { uid, gid } = await asServerUser()
  for (let folder = 0; folder < 100; folder += 1) {
    const path = join(crowd, String(folder))
    await mkdir(path)
    for (let file = 0; file < 1000; file += 1) writeFileSync(join(path, `f${file}`), `file ${folder} ${file}`)
    if (uid !== undefined && gid !== undefined) await chown(path, uid, gid)
  }
  if (uid !== undefined && gid !== undefined) await run('chown', ['-R', `${uid}:${gid}`, crowd])
  const peak = { kib: 0 }
  const watch = setInterval(() => {
    void run('sh', ['-c', `for p in $(pgrep -f 'agent.mjs run ${agent.home}'); do grep VmHWM /proc/$p/status; done`]).then(({ stdout }) => {
      for (const [, kib] of stdout.matchAll(/VmHWM:\s+(\d+) kB/g)) peak.kib = Math.max(peak.kib, Number(kib))
    }, () => {})
  }, 100)
  const stored = await fullBackup(agent, accessTo(cluster))
  clearInterval(watch)
  expect(stored.result.fileCount).toBeGreaterThan(100_000)
  expect(peak.kib).toBeGreaterThan(50_000)
  expect(peak.kib / 1024).toBeLessThan(280)
  const destination = await destinationIn(await serverFolder('restore'))
  await runRestore(agent, stored, { destination })
  const restored = join(destination, 'data/base/crowd')
  expect((await readdir(restored)).length).toBe(100)
  expect((await readdir(join(restored, '57'))).length).toBe(1000)
  expect(await readFile(join(restored, '57/f123'), 'utf8')).toBe('file 57 123')
})
