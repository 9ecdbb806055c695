// Drills, extracts and recoveries on another host than the source's: an account of its own behind an sshd of its own that sees no process of the first host.
import { execFile } from 'node:child_process'
import { chown, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { testAccount } from '#e2e/hosts/accounts.ts'
import { binariesOf, type Cluster, debianBinaries, serverFolder, sqlAt, startCluster } from '#e2e/hosts/cluster.ts'
import { startTestConsole, type TestConsole } from '#e2e/hosts/console.ts'
import { contentOf } from '#e2e/hosts/history.ts'
import { freePort } from '#e2e/hosts/ports.ts'
import { canStandApart, type Sshd, startSshd } from '#e2e/hosts/sshd.ts'
import { RestoreRequest } from '#lib/contract/restores.ts'
import { defaultLook, defaultWish } from '#lib/domain/drill.ts'
import { startBackupGroup } from '#lib/services/backups.ts'
import { type Actor, system } from '#lib/services/console.ts'
import { getDrill, setDrillSettings, startDrill } from '#lib/services/drills.ts'
import { getExtract, loadFromExtract, startExtract, stopExtract } from '#lib/services/extracts.ts'
import { listRecoveries, undoRecovery } from '#lib/services/recoveries.ts'
import { planSource, startRestore } from '#lib/services/restores.ts'
import { testCatalog } from '#scripts/test-catalog.ts'

const run = promisify(execFile)
const isRoot = process.getuid?.() === 0
const isApart = isRoot && (await canStandApart())
const actor: Actor = { id: null, name: 'Rosa', role: 'restore-only', sessionId: null }

describe.skipIf(!isRoot)('on another host than the source’s', () => {
  const stack = new AsyncDisposableStack()
  let uid: number
  /** `newer` is of a major whose programs only the first host has; `there` runs on the second. */
  let main: Cluster, newer: Cluster, there: Cluster, first: Sshd, second: Sshd, console_: TestConsole
  let otherHostId: string, newerId: string, thereId: string
  /** Of the second host; the agent of the first could not write there but as root. */
  let folder: string
  beforeAll(async () => {
    const user = stack.use(await testAccount())
    uid = user.uid
    folder = await serverFolder('other')
    stack.defer(() => run('rm', ['-rf', folder]).then(() => {}))
    await chown(folder, user.uid, user.gid)
    const catalog = stack.use(await testCatalog())
    ;[first, second, main, newer, there] = await Promise.all([startSshd(), startSshd({ user, isApart }), startCluster({ major: 15, checksums: true, settings: { listen_addresses: '192.0.2.7' } }), startCluster({ major: 17 }), startCluster({ major: 16 })])
    for (const one of [first, second, main, newer, there]) stack.use(one)
    await main.sql("create table sale as select g as id, md5(g::text) as note from generate_series(1, 5000) g; create index on sale (id); create table word (text text collate \"en-x-icu\"); insert into word select md5(g::text) from generate_series(1, 100) g; create index on word (text); update pg_collation set collversion = '1.2.3' where collname = 'en-x-icu'")
    console_ = stack.use(await startTestConsole({ databaseUrl: catalog.url, ssh: first, cluster: main, settings: { retries: 0, maxWalWaitSeconds: 20 } }))
    const worker = await console_.startWorker()
    stack.defer(() => worker.kill('SIGTERM'))
    await console_.run('deploy', { hostId: console_.hostId })
    await console_.run('test-storage', { storageId: console_.storageId })
    otherHostId = await console_.addHost('db2', second)
    const addSource = async (name: string, hostId: string, { dataDirectory, archiveDirectory, port }: Cluster): Promise<string> =>
      (await console_.db.source.create({ data: { name, dataDirectory, archiveDirectory, connectionHost: '127.0.0.1', port, user: 'postgres', set: { connect: { id: console_.setId } }, host: { connect: { id: hostId } }, settings: { create: {} } } })).id
    ;[newerId, thereId] = await Promise.all([addSource('newer', console_.hostId, newer), addSource('there', otherHostId, there)])
    const { groupId } = await startBackupGroup(console_.console, system, { setId: console_.setId, level: 'full', checkFirst: false, sourceIds: [console_.sourceId, newerId] })
    for (const { id } of await console_.db.run.findMany({ where: { groupId } })) await ok(await console_.ended(id))
    await main.sql('insert into sale select g, md5(g::text) from generate_series(5001, 6000) g')
    await ok(await console_.backup('incremental'))
  })
  afterAll(() => stack.disposeAsync())

  const ok = async (ended: Awaited<ReturnType<TestConsole['ended']>>) => {
    expect(ended, [ended.problemMessage, ended.problemDetail, ended.problemHint, ...(await console_.texts(ended.id))].join(' | ')).toMatchObject({ state: 'succeeded' })
    return ended
  }
  /** What the account of the second host still runs, but for what listens for the console. */
  const servers = async (): Promise<string> => (await run('ps', ['-u', String(uid), '-o', 'args=']).catch(() => ({ stdout: '' }))).stdout.split('\n').filter((line) => line.includes('postgres')).join('\n')
  const nothingIsLeft = async (): Promise<void> => {
    expect(await readdir(folder)).toEqual([])
    expect(await servers()).toBe('')
    expect(await readdir(join(second.home, '.howdah-agent/runs'))).toEqual([])
  }
  const wish = { ...defaultWish, look: { ...defaultLook, assertions: [{ database: 'postgres', sql: 'select count(*) = 6000 from sale' }] } }

  test('a folder has to be named there; then a drill passes while the host of the source is away, and leaves nothing [K15] [K10]', async () => {
    await expect(setDrillSettings(console_.console, system, { id: console_.sourceId, ...wish, hostId: otherHostId })).rejects.toMatchObject({ problem: { code: 'invalid-input', fields: [{ path: 'folder' }] } })
    await setDrillSettings(console_.console, system, { id: console_.sourceId, ...wish, hostId: otherHostId, folder })
    await first.stop()
    try {
      const { runId } = await startDrill(console_.console, system, { id: console_.sourceId, target: 'latest' })
      await ok(await console_.ended(runId))
      const drill = await getDrill(console_.console, system, { id: runId })
      expect(drill).toMatchObject({ hostName: 'db2', sourceName: 'main', restored: { destination: `${folder}/howdah-scratch-${runId}` } })
      expect(drill.evidence?.checks.map(({ id, status }) => `${id} ${status}`)).toEqual(['opens ok', 'target ok', 'databases ok', 'tables ok', 'indexes ok', 'assertions ok', 'checksums ok'])
      expect(drill.evidence?.checks.find(({ id }) => id === 'indexes')?.text).toMatch(/Text is ordered otherwise on this host.*postgres: the collation en-x-icu was made with version 1\.2\.3, here is \d/)
      await nothingIsLeft()
    } finally {
      await first.start()
    }
  })

  test('a drill that a person starts on the source’s own host is made beside its data, not in the folder of the other host [K15]', async () => {
    const { runId } = await startDrill(console_.console, system, { id: console_.sourceId, target: 'latest', hostId: console_.hostId })
    await ok(await console_.ended(runId))
    expect(await getDrill(console_.console, system, { id: runId })).toMatchObject({ hostName: 'db1', restored: { destination: `${main.folder}/howdah-scratch-${runId}` } })
  })

  test('without programs of that major there, nothing is copied, and what the problem says helps [K15] [K12] [K3]', async ({ skip }) => {
    if (!isApart) return skip('this machine gives no view of its own to processes')
    const drill = { id: newerId, target: 'latest', hostId: otherHostId, folder } as const
    const failed = await console_.ended((await startDrill(console_.console, system, drill)).runId)
    expect(failed).toMatchObject({
      state: 'failed', problemCode: 'check-failed', problemMessage: 'This host has no PostgreSQL 17 to start the restored copy with',
      problemHint: expect.stringMatching(/apt-get install postgresql-17.* set the directory of the binaries of the source in Backup ▸ What/) as string,
    })
    expect(await console_.texts(failed.id)).not.toContain('phase restore')
    await nothingIsLeft()
    await console_.db.source.update({ where: { id: newerId }, data: { binaries: await binariesOf(17) } })
    await ok(await console_.ended((await startDrill(console_.console, system, drill)).runId))
    // It has no pg_dump, without which nothing could be taken out.
    const extract = await console_.ended((await startExtract(console_.console, system, { id: newerId, target: { kind: 'latest' }, timeline: 'latest', hostId: otherHostId, folder, keepMinutes: 10 })).runId)
    expect(extract).toMatchObject({ state: 'failed', problemCode: 'check-failed', problemMessage: 'This host has no pg_dump of PostgreSQL 17 or newer', problemHint: expect.stringContaining('postgresql-client-17') as string })
    await nothingIsLeft()
  })

  test('a table is taken out there: into a server of that host, or as a file that is carried to the source [K12]', async () => {
    await main.sql('drop table sale')
    await expect(startExtract(console_.console, system, { id: console_.sourceId, target: { kind: 'latest' }, timeline: 'latest', hostId: otherHostId, folder: null, keepMinutes: 10 })).rejects.toMatchObject({ problem: { code: 'invalid-input', fields: [{ path: 'folder' }] } })
    const { runId } = await startExtract(console_.console, system, { id: console_.sourceId, target: { kind: 'latest' }, timeline: 'latest', hostId: otherHostId, folder, keepMinutes: 10 })
    await expect.poll(async () => (await getExtract(console_.console, system, { id: runId })).isOpen || (await console_.db.run.findUniqueOrThrow({ where: { id: runId } })).problemMessage, { timeout: 60_000 }).toBe(true)
    const { targets, hostName, defaultFolder } = await getExtract(console_.console, system, { id: runId })
    expect({ targets, hostName, defaultFolder }).toEqual({ hostName: 'db2', defaultFolder: `${folder}/extracted-main`, targets: [{ sourceId: thereId, name: 'there', isOwn: false, user: 'postgres' }] })
    expect((await stat(join(folder, `howdah-scratch-${runId}`, 'data'))).uid).toBe(uid)

    const sale = { id: runId, withOwners: false, items: [{ database: 'postgres', schemas: [], tables: [{ schema: 'public', name: 'sale' }] }] }
    await expect(loadFromExtract(console_.console, system, { ...sale, into: { kind: 'server', sourceId: console_.sourceId, database: null, policy: 'refuse' } })).rejects.toMatchObject({ problem: { code: 'invalid-input', fields: [{ path: 'into.sourceId' }] } })
    const loaded = await ok(await console_.ended((await loadFromExtract(console_.console, system, { ...sale, into: { kind: 'server', sourceId: thereId, database: null, policy: 'refuse' } })).runId))
    expect(loaded.result).toMatchObject({ tables: [{ schema: 'public', name: 'sale', rows: 6000, targetRows: 6000 }] })
    expect((await there.sql('select count(*)::int as n from sale where note = md5(id::text)'))[0]).toEqual({ n: 6000 })

    const written = await ok(await console_.ended((await loadFromExtract(console_.console, system, { ...sale, into: { kind: 'file', folder: join(folder, 'out'), format: 'plain' } })).runId))
    const { files: [file] } = z.object({ files: z.array(z.object({ path: z.string() })) }).parse(written.result)
    expect((await stat(file?.path ?? '')).uid).toBe(uid)
    await run(join(debianBinaries, 'psql'), ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', '127.0.0.1', '-p', String(main.port), '-U', 'postgres', '-d', 'postgres', '-f', file?.path ?? ''])
    expect((await contentOf(main))['postgres.public.sale']).toBe((await contentOf(there))['postgres.public.sale'])

    await stopExtract(console_.console, system, { id: runId })
    await ok(await console_.ended(runId))
    await run('rm', ['-rf', join(folder, 'out')])
    await nothingIsLeft()
  })

  test('a copy is restored and opened there, in place of nothing; it archives nowhere, and Undo stops it [K8] [K13] [K11]', async () => {
    const destination = join(folder, 'opened')
    const ask = (recovery: RestoreRequest['recovery']) => RestoreRequest.parse({ sourceId: console_.sourceId, hostId: otherHostId, target: { kind: 'latest' }, destination, recovery })
    await expect(planSource(console_.console, actor, ask({ kind: 'complete', inPlace: true, port: null, service: null }))).rejects.toMatchObject({ problem: { code: 'invalid-input', fields: [{ path: 'hostId' }] } })
    const port = await freePort()
    const request = ask({ kind: 'complete', inPlace: false, port, service: null })
    const answer = await planSource(console_.console, actor, request)
    if (!answer.ok) throw new Error(answer.refusal.reason)
    expect(answer.plan).toMatchObject({ hostName: 'db2', recovery: { inPlace: false, dataDirectory: `${destination}/data`, port } })
    expect(answer.plan.notes.join('\n')).toContain('db2 is another machine than db1')

    const before = await readdir(main.archiveDirectory)
    const restored = await ok(await console_.ended((await startRestore(console_.console, actor, { ...request, hash: answer.plan.hash, confirmName: null })).runId))
    const { recoveryRunId } = z.object({ recoveryRunId: z.uuid() }).parse(restored.result)
    await ok(await console_.ended(recoveryRunId))
    // What only the first host has gives way: its address, and a directory of sockets that is not this account's.
    expect((await console_.texts(recoveryRunId)).join('\n')).toContain('The copy gets listen_addresses = localhost: this host does not have the address 192.0.2.7')
    expect((await console_.texts(recoveryRunId)).join('\n')).toMatch(/indexes on text may miss rows: REINDEX.*en-x-icu was made with version 1\.2\.3/)
    const opened = { sql: sqlAt(port) }
    expect((await opened.sql('select count(*)::int as n from sale'))[0]).toEqual({ n: 6000 })
    await opened.sql('create table written as select g from generate_series(1, 1000) g; select pg_switch_wal()')
    await opened.sql('checkpoint')
    const [archiver] = await opened.sql("select current_setting('archive_mode') as mode, archived_count::int as archived, failed_count::int as failed from pg_stat_archiver")
    expect(archiver).toEqual({ mode: 'off', archived: 0, failed: 0 })
    expect((await readdir(main.archiveDirectory)).filter((name) => !before.includes(name) && /^00000002|history/.test(name))).toEqual([])
    expect(await servers()).toContain(`${destination}/data`)

    const [row] = await listRecoveries(console_.console, actor, {})
    expect(row).toMatchObject({ id: recoveryRunId, hostName: 'db2', state: 'active', inPlace: false, canUndo: true, oldPath: null })
    await ok(await console_.ended((await undoRecovery(console_.console, actor, { id: recoveryRunId })).runId))
    expect(await servers()).toBe('')
    await run('rm', ['-rf', destination])
    await nothingIsLeft()
  })
})
