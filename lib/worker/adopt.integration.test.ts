// A catalog that is lost and rebuilt from storage alone: full, incrementals and WAL, plain and encrypted, adopted into an empty catalog and restored to a moment.
import { randomUUID } from 'node:crypto'
import { cp, mkdtemp, readFile, rm, stat, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, serverFolder, startCluster, startRestored, switchWal } from '#e2e/hosts/cluster.ts'
import { type EndedRun, startTestConsole, type TestConsole, type WorkerProcess } from '#e2e/hosts/console.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { Adoption } from '#lib/domain/adoption.ts'
import { insertKey } from '#lib/db/keys.ts'
import { ageIdentities } from '#lib/secrets/age-identity.ts'
import { loadMasterKey } from '#lib/secrets/master-key.ts'
import { createSealer } from '#lib/secrets/seal.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'

const isRoot = process.getuid?.() === 0
const retention = { timeZone: 'Europe/Berlin', cycleDays: 5, keepFulls: 3, keepDays: null, minimumFulls: 2, rpoTargetSeconds: 600 } as const

describe.skipIf(!isRoot).each([
  { incrementalMethod: 'wal', encryption: 'none', major: 16 },
  { incrementalMethod: 'blocks', encryption: 'host', major: 18 },
] as const)('a source with incrementals of $incrementalMethod and encryption $encryption', ({ incrementalMethod, encryption, major }) => {
  let cluster: Cluster, sshd: Sshd, lost: TestCatalog, catalog: TestCatalog, before: TestConsole, after: TestConsole, worker: WorkerProcess
  let storageRoot = ''
  let key = { id: '', recipient: '', identity: '' }
  let moment = 0
  let wanted: unknown
  let known: Awaited<ReturnType<typeof rowsOf>>
  let ids = { setId: '', sourceId: '', hostId: '' }

  const content = async (server: { sql: Cluster['sql'] }): Promise<unknown> => server.sql('select count(*), sum(id), md5(string_agg(v, chr(10) order by id)) from t')
  const rowsOf = async (from: TestConsole) => ({
    images: await from.db.image.findMany({ omit: { runId: true, publishedAt: true, storageId: true, encryptionKeyId: true }, include: { volumes: { orderBy: { position: 'asc' } } }, orderBy: { endAt: 'asc' } }),
    wal: await from.db.walFile.findMany({ omit: { storedAt: true, completedAt: true, archivedAt: true, removedFromHostAt: true, storageId: true, encryptionKeyId: true }, orderBy: { name: 'asc' } }),
    set: await from.db.backupSet.findFirstOrThrow({ select: { id: true, name: true, ...Object.fromEntries(Object.keys(retention).map(name => [name, true])), slots: true, settings: { omit: { id: true } } } }),
    source: await from.db.source.findFirstOrThrow({ select: { id: true, name: true, dataDirectory: true, archiveDirectory: true, connectionHost: true, port: true, user: true, systemIdentifier: true, major: true, timeline: true, segmentSizeBytes: true, sizeBytes: true, settings: { omit: { id: true } }, host: { select: { id: true, name: true, address: true, port: true, user: true, signIn: true } } } }),
  })
  const adopt = async (isPreview = false): Promise<{ run: EndedRun; adoption: Adoption }> => {
    const run = await after.run('adopt', { storageId: after.storageId, isPreview })
    return { run, adoption: Adoption.parse(run.result) }
  }
  const import_ = async (into: TestConsole, name: string): Promise<string> =>
    (await insertKey(into.db, { name, comment: '', recipient: key.recipient, identitySealed: createSealer(await loadMasterKey({ home: into.home })).seal(key.identity), isDefault: true, isImported: true, createdAt: new Date(), createdBy: 'test', kitConfirmedAt: new Date(), kitConfirmedBy: 'test' })).id

  beforeAll(async () => {
    storageRoot = await mkdtemp(join(tmpdir(), 'howdah-adopt-'))
    ;[cluster, sshd, lost, catalog] = await Promise.all([startCluster({ major, segmentSizeMb: 1, settings: major >= 17 ? { summarize_wal: 'on' } : {} }), startSshd(), testCatalog(), testCatalog()])
    await cluster.sql(`create table t as select g as id, repeat(md5(g::text), 4) as v from generate_series(1, 20000) g`)
    before = await startTestConsole({ databaseUrl: lost.url, ssh: sshd, cluster, storageRoot, settings: { retries: 0, maxWalWaitSeconds: 20, encryption, incrementalMethod, compression: 'level', compressionLevel: 5 } })
    if (encryption !== 'none') {
      const made = await ageIdentities.make()
      key = { id: '', recipient: made.recipient, identity: made.identity.reveal() }
      key.id = await import_(before, 'vault')
    }
    await before.db.backupSet.update({ where: { id: before.setId }, data: { ...retention, isActive: true, slots: { create: { dayOfWeek: 1, minuteOfDay: 120, level: 'auto' } } } })
    await before.db.source.update({ where: { id: before.sourceId }, data: { settings: { update: { workers: 3 } } } })
    ids = { setId: before.setId, sourceId: before.sourceId, hostId: before.hostId }
    const first = await before.startWorker()
    await before.run('deploy', { hostId: before.hostId })
    const ok = async (run: EndedRun, level?: number): Promise<void> => expect(run, await before.why(run)).toMatchObject({ state: 'succeeded', ...(level === undefined ? {} : { level }) })
    await ok(await before.backup('full'), 0)
    await before.db.image.updateMany({ data: { isHeld: true, holdReason: 'year end' } })
    await cluster.sql(`insert into t select g, 'second' from generate_series(20001, 25000) g`)
    await ok(await before.backup('incremental'), 1)
    await cluster.sql(`update t set v = 'third' where id % 7 = 0`)
    await ok(await before.backup('incremental'), 2)
    await cluster.sql(`insert into t select g, 'fourth' from generate_series(25001, 26000) g`)
    wanted = await content(cluster)
    await sleep(1100)
    moment = Date.now()
    await sleep(1100)
    await cluster.sql(`delete from t where id > 10`)
    await before.collect(await switchWal(cluster))
    await first.kill('SIGTERM')
    known = await rowsOf(before)
    await before[Symbol.asyncDispose]()
    await lost[Symbol.asyncDispose]()
    after = await startTestConsole({ databaseUrl: catalog.url, ssh: sshd, cluster, storageRoot, isEmpty: true })
    worker = await after.startWorker()
    await after.run('test-storage', { storageId: after.storageId })
  })
  afterAll(async () => {
    await worker?.kill('SIGTERM')
    await after?.[Symbol.asyncDispose]()
    await Promise.all([cluster?.[Symbol.asyncDispose](), sshd?.[Symbol.asyncDispose](), catalog?.[Symbol.asyncDispose]()])
    await rm(storageRoot, { recursive: true, force: true })
  })

  if (encryption !== 'none') {
    test('without its key nothing encrypted is adopted, and the key is asked for by its id and recipient [G1] [B7]', async () => {
      const { run, adoption } = await adopt()
      expect(run.state).toBe('strange')
      expect(adoption.missingKeys).toEqual([{ keyId: key.id, recipient: key.recipient, images: 3, walFiles: 0 }])
      expect((await after.texts(run.id)).join('\n')).toContain(`encrypted for key ${key.id} (${key.recipient}): import it in Admin ▸ Keys`)
      expect([await after.db.image.count(), await after.db.walFile.count(), await after.db.source.count()]).toEqual([0, 0, 0])
      await import_(after, 'vault-of-the-kit')
    })
  }

  test('the preview counts what would come and changes nothing [G1]', async () => {
    const { run, adoption } = await adopt(true)
    expect(run, await after.why(run)).toMatchObject({ state: 'succeeded' })
    expect(adoption).toMatchObject({ isPreview: true, refused: [], missingKeys: [], sets: [{ id: ids.setId, name: 'nightly', isNew: true, sources: [{ id: ids.sourceId, name: 'main', hostName: 'db1', isNew: true, fulls: 1, incrementals: 2, walFiles: known.wal.length }] }] })
    expect([await after.db.image.count(), await after.db.backupSet.count(), await after.db.source.count()]).toEqual([0, 0, 0])
  })

  test('adoption into an empty catalog brings back every row as it was, switched off [G1] [L5]', async () => {
    const { run, adoption } = await adopt()
    expect(run, await after.why(run)).toMatchObject({ state: 'succeeded' })
    expect(adoption.sets[0]?.sources[0]).toMatchObject({ fulls: 1, incrementals: 2, walFiles: known.wal.length })
    const found = await rowsOf(after)
    // Holds and everything an image says are in storage; that it was verified is not, and is found out again.
    expect(found.images).toEqual(known.images.map(image => ({ ...image, isHeld: image.level === 0, holdReason: image.level === 0 ? 'year end' : null })))
    expect(found.wal).toEqual(known.wal)
    expect(found.set).toEqual(known.set)
    expect(found.source).toEqual(known.source)
    expect(await after.db.source.findFirstOrThrow({ select: { isActive: true, set: { select: { isActive: true } }, host: { select: { hostKey: true, agentDeployedAt: true } } } })).toEqual({ isActive: false, set: { isActive: false }, host: { hostKey: null, agentDeployedAt: null } })
  })

  test('adopting again changes nothing [G1]', async () => {
    const rows = await rowsOf(after)
    const { run, adoption } = await adopt()
    expect(run.state).toBe('succeeded')
    expect(adoption.sets[0]?.sources[0]).toMatchObject({ isNew: false, fulls: 0, incrementals: 0, walFiles: 0, knownImages: 3, knownWalFiles: known.wal.length })
    expect(await after.texts(run.id)).toContain('log Nothing came: the catalog knows all that can be adopted')
    expect(await rowsOf(after)).toEqual(rows)
  })

  test('into a catalog that knows a part of it the rest is added, and what it knows is left alone [G1]', async () => {
    const rows = await rowsOf(after)
    const newest = rows.images.at(-1)
    await after.db.image.delete({ where: { id: newest?.id ?? '' } })
    await after.db.walFile.deleteMany({ where: { name: { in: rows.wal.slice(0, 2).map(file => file.name) } } })
    await after.db.backupSet.updateMany({ data: { keepFulls: 9 } })
    const { adoption } = await adopt()
    expect(adoption.sets[0]?.sources[0]).toMatchObject({ isNew: false, fulls: 0, incrementals: 1, walFiles: 2 })
    expect(await rowsOf(after)).toEqual({ ...rows, set: { ...rows.set, keepFulls: 9 } })
  })

  test('an adopted host asks for its sign-in, and after a person gave it a restore to a moment brings exactly what was there [G1] [L5] [K2] [K6]', async () => {
    Object.assign(after, ids)
    await after.db.host.update({ where: { id: ids.hostId }, data: { hostKey: sshd.hostKey, hostKeyFingerprint: sshd.fingerprint, hostKeyConfirmedAt: new Date(), hostKeyConfirmedBy: 'test' } })
    expect(await after.run('deploy', { hostId: ids.hostId })).toMatchObject({ state: 'failed', problemCode: 'host-sign-in-failed', problemHint: expect.stringContaining('Admin ▸ Hosts') as string })
    const sealer = createSealer(await loadMasterKey({ home: after.home }))
    await after.db.host.update({ where: { id: ids.hostId }, data: { secretSealed: sealer.seal(JSON.stringify({ privateKey: sshd.privateKey })) } })
    const deployed = await after.run('deploy', { hostId: ids.hostId })
    expect(deployed, await after.why(deployed)).toMatchObject({ state: 'succeeded' })
    const destination = join(await serverFolder('adopted'), 'copy')
    const { run } = await after.restore(destination, { target: { kind: 'time', at: moment, inclusive: true } })
    expect(run, await after.why(run)).toMatchObject({ state: 'succeeded' })
    await using restored = await startRestored({ major, dataDirectory: join(destination, 'data') })
    expect(await content(restored)).toEqual(wanted)
  })

  test('the next incremental goes on with the adopted chain, also when the agent lost its state [G1] [E4]', async () => {
    await rm(join(sshd.home, '.local/state/howdah'), { recursive: true, force: true })
    await cluster.sql(`insert into t select g, 'after adoption' from generate_series(30001, 30100) g`)
    const run = await after.backup('incremental')
    expect(run, await after.why(run)).toMatchObject({ state: 'succeeded', level: 3 })
    const collected = await after.run('collect-wal', { source: await after.frozen(), storageId: after.storageId })
    expect(collected, await after.why(collected)).toMatchObject({ state: 'succeeded' })
  })

  test('what is damaged is refused by its name, with what rests on it, and the rest is adopted [G1]', async () => {
    const root = await mkdtemp(join(tmpdir(), 'howdah-adopt-'))
    await cp(storageRoot, root, { recursive: true, preserveTimestamps: true })
    const second = await after.db.storage.create({ data: { name: randomUUID(), kind: 'disk', rootPath: root } })
    const [full, first] = known.images
    if (full === undefined || first === undefined) throw new Error('There are no images.')
    const [damagedWal, cutWal] = known.wal
    // Level 1 loses what it stands for: its index, or where it has none, its image.json is cut.
    const victim = join(root, first.path, incrementalMethod === 'blocks' ? (first.volumes[0]?.name ?? '') : 'image.json')
    await truncate(victim, (await stat(victim)).size - 10)
    const walPath = join(root, damagedWal?.path ?? '')
    const bytes = await readFile(walPath)
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    await writeFile(walPath, bytes)
    await truncate(join(root, cutWal?.path ?? ''), 100)
    await unlink(join(root, 'sets/nightly/set.json'))
    const third = await after.db.image.findFirstOrThrow({ where: { level: 3 } })
    await after.db.walFile.deleteMany()
    await after.db.image.deleteMany({ where: { level: 3 } })
    await after.db.image.deleteMany({ where: { level: 2 } })
    await after.db.image.deleteMany({ where: { level: 1 } })
    await after.db.image.deleteMany()
    const run = await after.run('adopt', { storageId: second.id, isPreview: false })
    expect(run, await after.why(run)).toMatchObject({ state: 'strange' })
    const adoption = Adoption.parse(run.result)
    const refused = Object.fromEntries(adoption.refused.map(({ path, reason }) => [path, reason]))
    // Level 3, taken after the adoption, goes with them.
    expect(new Set(Object.keys(refused))).toEqual(new Set([...known.images.slice(1).map(image => image.path), third.path, damagedWal?.path, cutWal?.path]))
    expect(refused[known.images[2]?.path ?? '']).toContain(`Its base, image ${first.id}, is not here or damaged`)
    expect(adoption.sets[0]?.sources[0]).toMatchObject({ fulls: 1, incrementals: 0 })
    expect(await after.db.image.findMany({ select: { id: true, storageId: true } })).toEqual([{ id: full.id, storageId: second.id }])
    await rm(root, { recursive: true, force: true })
  })
})
