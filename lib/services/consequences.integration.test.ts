// What a change brings about, over a real catalog: stale plans, what retention says before it takes, removals, edits at the same moment, and the audit of all of it.
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { listFacts } from '#lib/db/facts.ts'
import { insertImage, removeImage } from '#lib/db/images.ts'
import { defaultWish } from '#lib/domain/drill.ts'
import { planExpiry } from '#lib/domain/retention.ts'
import { listOperations } from '#lib/http/router.ts'
import { ageIdentities } from '#lib/secrets/age-identity.ts'
import { ok, refused, testWeb, type TestClient, type TestWeb } from '#scripts/test-web.ts'

let web: TestWeb
let admin: TestClient
let place: { hostId: string; storageId: string; setId: string; sourceId: string }
const asSource = (setId: string, hostId: string) => ({ setId, hostId, name: 'shop-db', dataDirectory: '/data/shop', archiveDirectory: '/archive/shop', connectionHost: '/run/postgresql', port: 5432, user: 'postgres', database: '', passfile: null, binaries: null, tempDirectory: null })
const made = async (path: string, body: object): Promise<string> => (await ok<{ id: string }>(admin.send('POST', path, body))).id
/** No worker runs here: what was started ends by this. */
const endRuns = () => web.db.run.updateMany({ where: { endedAt: null }, data: { state: 'succeeded', startedAt: new Date(), endedAt: new Date() } })

beforeEach(async () => {
  web = await testWeb()
  admin = await web.administrator()
  const hostId = await made('/hosts', { name: 'db-01', address: '127.0.0.1', port: 22, user: 'postgres', secret: { signIn: 'password', password: 'of the host' } })
  const storageId = await made('/storages', { kind: 'disk', name: 'vault', rootPath: '/vault' })
  const setId = await made('/sets', { name: 'nightly', comment: '' })
  const sourceId = await made('/sources', asSource(setId, hostId))
  await ok(admin.send('PUT', `/sets/${setId}/storage`, { storageId }))
  place = { hostId, storageId, setId, sourceId }
  await endRuns()
})
afterEach(() => web[Symbol.asyncDispose]())

const segmentBytes = 16 * 1024 * 1024
const hour = 3_600_000
const begun = Date.now() - 100 * hour

async function storedWal(segment: number): Promise<void> {
  const name = `00000001${'0'.repeat(8)}${segment.toString(16).padStart(8, '0').toUpperCase()}`
  const [beginLsn, endLsn] = [BigInt(segment * segmentBytes), BigInt((segment + 1) * segmentBytes)]
  await web.db.walFile.create({ data: { sourceId: place.sourceId, name, storageId: place.storageId, kind: 'segment', timeline: 1, beginLsn, endLsn, path: `wal/${name}`, rawBytes: BigInt(segmentBytes), storedBytes: 1000n, sha256: 'a'.repeat(64), rawSha256: 'b'.repeat(64), completedAt: new Date(begun + segment * hour) } })
}

/** A full that begins and ends within one segment, which is stored with it. */
async function storedFull(segment: number, tablespaces: readonly { oid: string; path: string }[] = []): Promise<string> {
  const id = randomUUID()
  const at = BigInt(segment * segmentBytes)
  await insertImage(web.db, {
    id, sourceId: place.sourceId, storageId: place.storageId, path: `images/${id}`, level: 0, content: 'full', clusterBytes: 1, baseImageId: null, runId: randomUUID(), systemIdentifier: '7000000000000000001', major: 15, serverVersion: '15.4', timeline: 1, segmentSizeBytes: segmentBytes,
    beginLsn: at + 0x28n, endLsn: at + 0x100n, beginAt: new Date(begun + segment * hour - 2000), endAt: new Date(begun + segment * hour - 1000), noChanges: false, fileCount: 10, rawBytes: 5000, storedBytes: 2000, compression: 'fast', encryptionKeyId: null, hasChecksums: true, fromStandby: false,
    volumes: [{ name: 'data-1.1.tar.zst', sizeBytes: 2000, rawBytes: 5000, sha256: 'c'.repeat(64) }], tablespaces,
  })
  await storedWal(segment)
  return id
}

type Planned = { ok: true; plan: { hash: string; chain: { id: string }[]; wal: { files: number } } }
const request = () => ({ sourceId: place.sourceId, target: { kind: 'latest' }, hostId: place.hostId, destination: '/restore/shop' })
const planned = async () => {
  const answer = await ok<Planned>(admin.send('POST', '/restores/plan', request()))
  expect(answer).toMatchObject({ ok: true })
  return answer.plan
}

test('what runs is the plan that was shown: WAL that came since leaves it as it was, and the same request gives the same plan', async () => {
  const id = await storedFull(2)
  await storedWal(3)
  const plan = await planned()
  expect(plan).toMatchObject({ chain: [{ id }], wal: { files: 2 } })
  expect((await planned()).hash).toBe(plan.hash)
  await new Promise((resolve) => setTimeout(resolve, 5))
  await storedWal(4)
  expect((await planned()).wal.files).toBe(3)
  const { runId } = await ok<{ runId: string }>(admin.send('POST', '/restores', { ...request(), hash: plan.hash }))
  const { input } = await web.db.run.findUniqueOrThrow({ where: { id: runId } })
  expect(input).toMatchObject({ plan: { hash: plan.hash, chain: [id], walNames: ['000000010000000000000002', '000000010000000000000003'] } })
})

test('a plan is refused, with what to do, when an image of it went, when the request is another, or when it was never shown', async () => {
  const [first, second] = [await storedFull(2), await storedFull(3)]
  const plan = await planned()
  const start = (hash: string, change: object = {}) => admin.send('POST', '/restores', { ...request(), ...change, hash })
  expect(plan.chain).toMatchObject([{ id: second }])
  for (const asked of [() => start(plan.hash, { destination: '/restore/other' }), () => start(plan.hash, { prepareRecovery: false }), () => start(plan.hash, { imageId: first }), () => start('made-up'), () => start(`zzzzzzzzzzz.${'0'.repeat(64)}`)])
    expect(await refused(asked(), 409)).toMatchObject({ code: 'conflict', message: 'This is not the plan that was shown', hint: 'Plan again, look at what changed, and start that plan.' })
  await removeImage(web.db, second)
  expect(await refused(start(plan.hash), 409)).toMatchObject({ code: 'conflict', detail: 'The request, or the images and WAL that it needs, changed since.' })
  expect(await web.db.run.count({ where: { kind: 'restore' } })).toBe(0)
})

test('a plan says where each tablespace of the image was and goes, an earlier copy is rewritten only when asked, and a strange tablespace is refused [K7] [K16]', async () => {
  await storedFull(2, [{ oid: '16500', path: '/srv/fast' }, { oid: '16501', path: '/srv/slow' }])
  const asked = { ...request(), conflict: 'delta', tablespaces: { 16501: '/mnt/slow copy' } }
  const { plan } = await ok<{ plan: { hash: string; tablespaces: object[]; notes: string[] } }>(admin.send('POST', '/restores/plan', asked))
  expect(plan.tablespaces).toEqual([{ oid: '16500', from: '/srv/fast', to: '/restore/shop/tablespaces/16500' }, { oid: '16501', from: '/srv/slow', to: '/mnt/slow copy' }])
  expect(plan.notes.join(' ')).toMatch(/earlier copy in \/restore\/shop\/data is rewritten/)
  expect((await planned()).hash).not.toBe(plan.hash)
  expect(await refused(admin.send('POST', '/restores/plan', { ...asked, tablespaces: { 99: '/mnt/x' } }), 400)).toMatchObject({ fields: [{ path: 'tablespaces.99', message: 'The image has no tablespace 99' }] })
  const { runId } = await ok<{ runId: string }>(admin.send('POST', '/restores', { ...asked, hash: plan.hash }))
  expect(await web.db.run.findUniqueOrThrow({ where: { id: runId } })).toMatchObject({ input: { plan: { deltaOf: '7000000000000000001', tablespaces: { 16501: '/mnt/slow copy' } } } })
})

test('the preview of retention names exactly what expiry then decides, and saving it takes nothing by itself', async () => {
  const fulls = [await storedFull(2), await storedFull(4), await storedFull(6)]
  for (const segment of [3, 5, 7]) await storedWal(segment)
  for (const retention of [{ keepFulls: 1, keepDays: null, minimumFulls: 1 }, { keepFulls: 2, keepDays: null, minimumFulls: 1 }, { keepFulls: 1, keepDays: null, minimumFulls: 3 }, { keepFulls: null, keepDays: 1, minimumFulls: 1 }]) {
    const preview = await ok<{ expire: { imageId: string }[]; keep: { imageId: string }[]; walFiles: number; freedBytes: number }>(admin.send('POST', `/sets/${place.setId}/retention/preview`, retention))
    await ok(admin.send('PUT', `/sets/${place.setId}/retention`, retention))
    expect(await web.db.image.count()).toBe(3)
    // As the worker's expiry does: the saved rule on the facts of the catalog.
    const { keepFulls, keepDays, minimumFulls } = await web.db.backupSet.findUniqueOrThrow({ where: { id: place.setId } })
    const facts = (await listFacts(web.db, [place.sourceId])).get(place.sourceId)
    const later = planExpiry({ images: facts?.images ?? [], wal: facts?.wal ?? [], retention: { keepFulls, keepDays, minimumFulls }, now: Date.now() })
    expect(preview.expire.map(({ imageId }) => imageId)).toEqual(later.expire)
    expect(preview).toMatchObject({ walFiles: later.wal.names.length, freedBytes: later.freedBytes })
    expect([...preview.expire, ...preview.keep].map(({ imageId }) => imageId).toSorted()).toEqual(fulls.toSorted())
    if (retention.minimumFulls === 3) expect(preview.expire).toEqual([])
    if (retention.keepFulls === 1 && retention.minimumFulls === 1) expect(preview.expire.map(({ imageId }) => imageId).toSorted()).toEqual(fulls.slice(0, 2).toSorted())
  }
})

test('a clone has the sources, schedule and settings of its set and none of its images, and starts nothing until it is activated [B11]', async () => {
  await storedFull(2)
  const slots = [{ dayOfWeek: 1, minuteOfDay: 90, level: 'auto' }]
  await ok(admin.send('PUT', `/sets/${place.setId}/schedule`, { timeZone: 'Europe/Berlin', cycleDays: 9, slots }))
  await ok(admin.send('PUT', `/sets/${place.setId}/settings`, { overrides: { workers: 5 } }))
  await ok(admin.send('PUT', `/sources/${place.sourceId}/settings`, { overrides: { workers: 6 } }))
  await ok(admin.send('POST', `/sets/${place.setId}/activate`, {}))
  const id = await made(`/sets/${place.setId}/clone`, { name: 'copy' })
  expect(await ok(admin.send('GET', `/sets/${id}`))).toMatchObject({ name: 'copy', isActive: false, storageId: place.storageId, schedule: { timeZone: 'Europe/Berlin', cycleDays: 9, slots }, sources: 1, images: 0 })
  expect(await ok(admin.send('GET', `/sets/${id}/settings`))).toMatchObject({ values: { workers: 5 }, origins: { workers: 'set' } })
  const [copy] = await ok<{ id: string }[]>(admin.send('GET', `/sources?setId=${id}`))
  expect(copy).toMatchObject({ name: 'shop-db', dataDirectory: '/data/shop', archiveDirectory: '/archive/shop', hostId: place.hostId, images: 0, needsFullReason: null })
  expect(await ok(admin.send('GET', `/sources/${copy?.id}/settings`))).toMatchObject({ values: { workers: 6 }, origins: { workers: 'source' } })
})

test('a source that is left out is not backed up with its set until it is included again [B11]', async () => {
  const second = await made('/sources', { ...asSource(place.setId, place.hostId), name: 'more-db', dataDirectory: '/data/more', archiveDirectory: '/archive/more' })
  await ok(admin.send('POST', `/sources/${place.sourceId}/deactivate`, {}))
  const backedUp = async (): Promise<string[]> => {
    const { runIds } = await ok<{ runIds: string[] }>(admin.send('POST', `/sets/${place.setId}/backup`, { level: 'full' }))
    const runs = await web.db.run.findMany({ where: { id: { in: runIds } } })
    await endRuns()
    return runs.map(({ sourceId }) => sourceId ?? '').toSorted((a, b) => (a < b ? -1 : 1))
  }
  expect(await backedUp()).toEqual([second])
  await ok(admin.send('POST', `/sources/${place.sourceId}/activate`, {}))
  expect(await backedUp()).toEqual([place.sourceId, second].toSorted((a, b) => (a < b ? -1 : 1)))
})

test('a set is deleted with its images by a run, or without them at once; while a run of it goes on, not at all [B11]', async () => {
  await storedFull(2)
  const path = `/sets/${place.setId}`
  await ok(admin.send('POST', `/sources/${place.sourceId}/estimate`, {}))
  expect(await refused(admin.send('DELETE', path, { images: 'keep' }), 409)).toMatchObject({ message: 'A run (estimate) of nightly has not ended', hint: 'Wait for it, or abort it in Monitor.' })
  await endRuns()
  const { runId } = await ok<{ runId: string }>(admin.send('DELETE', path, { images: 'purge' }))
  expect(await web.db.run.findUniqueOrThrow({ where: { id: runId } })).toMatchObject({ kind: 'expire', state: 'queued', input: { setId: place.setId, purge: [place.sourceId], removeSet: true } })
  // Rows go only when storage is empty: what the run still has to delete stays known.
  expect([await web.db.backupSet.count(), await web.db.image.count(), await web.db.walFile.count()]).toEqual([1, 1, 1])
  await endRuns()
  expect(await ok(admin.send('DELETE', path, { images: 'keep' }))).toEqual({ runId: null, groupId: null })
  expect([await web.db.backupSet.count(), await web.db.source.count(), await web.db.image.count(), await web.db.walFile.count()]).toEqual([0, 0, 0, 0])
  expect(await web.db.auditEntry.findFirst({ where: { action: 'set.remove' }, orderBy: { seq: 'desc' } })).toMatchObject({ subject: 'nightly', detail: 'Images stay in vault' })
})

test('edits at the same moment leave one of them whole, and never a fault of the console', async () => {
  const both = async (asked: Promise<{ status: number; body: unknown }>[], good: number): Promise<void> => {
    const answers = await Promise.all(asked)
    expect(answers.filter(({ status }) => status === 200), JSON.stringify(answers)).toHaveLength(good)
    for (const { status, body } of answers) if (status !== 200) expect([400, 409, 404], JSON.stringify(body)).toContain(status)
  }
  const many = [0, 1, 2, 3, 4, 5]
  await both(many.map(() => admin.send('POST', '/sets', { name: 'twin' })), 1)
  await both(many.map(() => admin.send('POST', `/sets/${place.setId}/clone`, { name: 'copy' })), 1)
  await both(many.map(() => admin.send('POST', `/sets/${place.setId}/backup`, { level: 'full' })), 1)
  await endRuns()
  const week = (day: number) => ({ timeZone: 'UTC', cycleDays: 7, slots: [{ dayOfWeek: day, minuteOfDay: 60, level: 'full' }, { dayOfWeek: day, minuteOfDay: 120, level: 'auto' }] })
  await both(many.map((day) => admin.send('PUT', `/sets/${place.setId}/schedule`, week(day))), 6)
  const { schedule } = await ok<{ schedule: ReturnType<typeof week> }>(admin.send('GET', `/sets/${place.setId}`))
  expect(schedule).toEqual(week(schedule.slots[0]!.dayOfWeek))
  const other = await web.person('administrator', admin)
  const users = await ok<{ id: string; name: string }[]>(admin.send('GET', '/users'))
  await both(users.map(({ id, name }) => (id === other.id ? admin : other).send('PUT', `/users/${id}`, { name, role: 'monitor', isActive: true })), 1)
  expect(await web.db.user.count({ where: { role: 'administrator', isActive: true } })).toBe(1)
})

test('every operation that changes something leaves an entry of its name with who did it, and a changed entry is found [L4]', async () => {
  const image = await storedFull(2)
  const { setId, sourceId, hostId, storageId } = place
  await web.db.host.update({ where: { id: hostId }, data: { offeredKey: 'ssh-ed25519 AAAA', offeredKeyFingerprint: 'SHA256:abc', offeredKeyAt: new Date() } })
  const plan = await planned()
  const user = await web.person('monitor', admin)
  const spare = { host: await made('/hosts', { name: 'spare', address: '127.0.0.2', port: 22, user: 'postgres', secret: { signIn: 'password', password: 'x' } }), storage: await made('/storages', { kind: 'disk', name: 'spare', rootPath: '/spare' }), set: await made('/sets', { name: 'spare' }) }
  const token = await made('/tokens', { name: 'spare' })
  const keys = { one: await made('/keys', { name: 'one' }), two: await made('/keys', { name: 'two' }), elsewhere: (await ageIdentities.make()).identity.reveal() }
  await endRuns()
  const failed = async (): Promise<string> => {
    await ok(admin.send('POST', `/sets/${setId}/backup`, { level: 'full' }))
    await web.db.run.updateMany({ where: { endedAt: null }, data: { state: 'failed', startedAt: new Date(), endedAt: new Date() } })
    return (await web.db.run.findFirstOrThrow({ where: { kind: 'backup' }, orderBy: { createdAt: 'desc' } })).id
  }
  /** An extract as the worker leaves it once its server is open. */
  const openedExtract = async (): Promise<string> => {
    const { runId } = await ok<{ runId: string }>(admin.send('POST', `/sources/${sourceId}/extract`, { target: { kind: 'latest' } }))
    await web.db.run.update({ where: { id: runId }, data: { state: 'running', phase: 'open', startedAt: new Date() } })
    await web.db.extract.create({ data: { runId, sourceId, openedAt: new Date(), tree: { databases: [] } } })
    return runId
  }
  const begun = async (): Promise<{ runId: string; groupId: string }> => ok(admin.send('POST', `/sources/${sourceId}/estimate`, {}))
  const source = asSource(setId, hostId)
  /** One good call of each, in an order that lets the later ones work. */
  const offered = async () => {
    const shown = { fix: 'archive-command', changes: [{ what: 'archive_command', from: '', to: 'cp' }], statements: ["ALTER SYSTEM SET archive_command = 'cp';"], needsRestart: false }
    await web.db.checkResult.create({ data: { sourceId, line: 'archive-command', position: 0, status: 'error', message: 'No archive_command is set', apply: shown } })
    await expect(ok(admin.send('POST', `/sources/${sourceId}/fix`, { shown: { ...shown, statements: ['DROP TABLE accounts;'] } }))).rejects.toThrow()
    return shown
  }
  /** A restore that left a copy, and a recovery that opened: what no worker did here. */
  const completed = async () => {
    const run = await web.db.run.findFirstOrThrow({ where: { kind: 'restore' } })
    await web.db.run.update({ where: { id: run.id }, data: { result: { dataDirectory: '/restore/shop/data' } } })
    const asked = { restoreRunId: run.id, inPlace: false, port: 5440 }
    const { hash } = await ok<{ hash: string }>(admin.send('POST', '/recoveries/plan', asked))
    expect(await refused(admin.send('POST', '/recoveries', { ...asked, port: 5441, hash }), 409)).toMatchObject({ message: 'This is not the plan that was shown' })
    return { ...asked, hash }
  }
  const opened = async (): Promise<string> => {
    const recovery = await web.db.recovery.create({ data: {
      id: randomUUID(), sourceId, hostId, sourceName: 'shop-db', hostName: 'db-01', targetText: 'The newest state in storage', copy: '/restore/shop', inPlace: true, dataDirectory: '/data/shop', systemIdentifier: '7000000000000000001', state: 'active', oldPath: '/data/shop.before-01234567', oldBytes: 1n, startedBy: 'Ada',
      place: { dataDirectory: '/data/shop', inPlace: true, systemIdentifier: '7000000000000000001', service: { kind: 'pg_ctl' }, port: 5432, configFile: null, archiveDirectory: '/archive/shop', binaries: null, user: 'postgres' },
      wayBack: { runId: randomUUID(), oldPath: '/data/shop.before-01234567', mode: 'rename', wasRunning: true, serverArguments: [], logFile: '/data/shop/server.log', binaries: '/usr/lib/postgresql/15/bin', oldBinaries: null },
    } })
    return recovery.id
  }
  const acts: Record<string, () => Promise<[string, object]> | [string, object]> = {
    'user.create': () => ['', { name: 'New', email: 'new@example.com', role: 'monitor', password: 'correct horse battery' }], 'user.update': () => [user.id, { name: 'Renamed', role: 'monitor', isActive: true }],
    'token.create': () => ['', { name: 'script' }], 'token.remove': () => [token, {}], 'console.setPreferences': () => ['', { sessionTimeoutMinutes: 30, timeZone: 'UTC', overrides: {} }],
    'key.create': () => ['', { name: 'third' }], 'key.import': () => ['', { name: 'elsewhere', identity: keys.elsewhere }], 'key.export': () => [keys.one, {}], 'key.confirmKit': () => [keys.one, {}], 'key.makeDefault': () => [keys.two, {}], 'key.retire': () => [keys.one, {}], 'key.activate': () => [keys.one, {}],
    'host.create': () => ['', { name: 'third', address: '127.0.0.3', port: 22, user: 'postgres', secret: { signIn: 'password', password: 'x' } }], 'host.update': () => [hostId, { name: 'db-01', address: '127.0.0.1', port: 22, user: 'postgres', runAs: null, comment: 'changed', secret: null }],
    'host.confirmKey': () => [hostId, { fingerprint: 'SHA256:abc' }], 'host.readKey': () => [hostId, {}], 'host.deploy': () => [hostId, {}], 'host.undeploy': () => [hostId, {}], 'host.describe': () => [hostId, {}], 'host.inspect': () => [hostId, { path: '/restore' }], 'host.remove': () => [spare.host, {}],
    'storage.create': () => ['', { kind: 'disk', name: 'third', rootPath: '/third' }], 'storage.update': () => [storageId, { kind: 'disk', name: 'vault-2', rootPath: '/vault', comment: '', keepFreeBytes: 0, quotaBytes: null }], 'storage.test': () => [storageId, {}], 'storage.adopt': () => [storageId, {}], 'storage.remove': () => [spare.storage, {}],
    'set.create': () => ['', { name: 'third' }], 'set.update': () => [setId, { name: 'nightly', comment: 'changed', ownerId: null, rpoTargetSeconds: 60 }], 'set.clone': () => [setId, { name: 'cloned' }], 'set.remove': () => [spare.set, { images: 'keep' }], 'set.setStorage': () => [spare.set, { storageId }],
    'set.setSchedule': () => [setId, { timeZone: 'UTC', cycleDays: 9, slots: [{ dayOfWeek: 1, minuteOfDay: 90, level: 'auto' }] }], 'set.setRetention': () => [setId, { keepFulls: 9, keepDays: null, minimumFulls: 1 }], 'set.setSettings': () => [setId, { overrides: { workers: 5 } }], 'set.activate': () => [setId, {}], 'set.deactivate': () => [setId, {}],
    'source.create': () => ['', { ...source, name: 'more-db', dataDirectory: '/data/more', archiveDirectory: '/archive/more' }], 'source.update': () => [sourceId, { ...source, port: 5440 }], 'source.setSettings': () => [sourceId, { overrides: { workers: 6 } }], 'source.deactivate': () => [sourceId, {}], 'source.activate': () => [sourceId, {}],
    'source.check': () => [sourceId, {}], 'source.checkAll': () => [setId, {}], 'source.fix': async () => [sourceId, { shown: await offered() }], 'source.estimate': () => [sourceId, {}], 'source.collectWal': () => [sourceId, {}], 'image.hold': () => [image, { reason: 'audit' }], 'image.release': () => [image, {}], 'image.verify': () => [image, {}],
    'backup.start': () => [setId, { level: 'full' }], 'drill.setSettings': () => [sourceId, { ...defaultWish, isActive: true, staleDays: 3 }], 'drill.start': () => [sourceId, { target: 'latest' }],
    'extract.start': () => [sourceId, { target: { kind: 'latest' } }], 'extract.load': async () => [await openedExtract(), { items: [{ database: 'shop', schemas: [], tables: [{ schema: 'public', name: 'sale' }] }], into: { kind: 'file', folder: '/out' } }], 'extract.stop': async () => [await openedExtract(), {}],
    'restore.start': () => ['', { ...request(), hash: plan.hash }], 'restore.findMoment': () => [sourceId, { from: '2026-03-12T08:00:00Z', to: '2026-03-12T09:00:00Z' }], 'recovery.start': async () => ['', await completed()], 'recovery.undo': async () => [await opened(), {}], 'recovery.release': async () => [await opened(), {}], 'run.cancel': async () => [(await begun()).runId, {}], 'run.cancelGroup': async () => [(await begun()).groupId, {}], 'run.retry': async () => [await failed(), {}],
    'source.remove': () => [sourceId, { images: 'keep' }], 'session.changePassword': () => ['', { current: 'correct horse battery', next: 'another long password' }],
  }
  const order = [...Object.keys(acts).filter((name) => name !== 'set.remove' && name !== 'storage.remove'), 'set.remove', 'storage.remove']
  // The first start was made by `administrator()`; the others read, though by POST.
  const reading = ['restore.plan', 'recovery.plan', 'set.previewSchedule', 'set.previewRetention']
  const changing = listOperations().filter(({ method, name }) => method !== 'GET' && !reading.includes(name))
  expect(changing.map(({ name }) => name).toSorted()).toEqual([...order, 'session.firstStart'].toSorted())
  for (const name of order) {
    const operation = changing.find((one) => one.name === name)!
    const [id, body] = await acts[name]!()
    const { seq } = await web.db.auditEntry.findFirstOrThrow({ orderBy: { seq: 'desc' } })
    await ok(admin.send(operation.method, operation.path.replaceAll(/\{\w+\}/g, id), body)).catch((error: unknown) => Promise.reject(new Error(name, { cause: error })))
    const entries = await web.db.auditEntry.findMany({ where: { seq: { gt: seq } } })
    expect(entries.map(({ action, actorName }) => `${actorName}: ${action}`), name).toContain(`Ada: ${name}`)
    await endRuns()
  }
  expect(await web.db.auditEntry.count({ where: { action: 'session.firstStart' } })).toBe(1)
  expect(await ok(admin.send('GET', '/audit'))).toMatchObject({ intact: true })
  await web.db.auditEntry.updateMany({ where: { action: 'set.clone' }, data: { actorName: 'Somebody else' } })
  expect(await ok(admin.send('GET', '/audit'))).toMatchObject({ intact: false })
})

test('drills on another host need a folder there and a start time, and that host is not removed under them [K15] [L9]', async () => {
  const other = await made('/hosts', { name: 'db-09', address: '127.0.0.9', port: 22, user: 'postgres', secret: { signIn: 'password', password: 'x' } })
  const save = (change: object) => admin.send('PUT', `/sources/${place.sourceId}/drill`, { ...defaultWish, ...change })
  expect(await refused(save({ hostId: other }), 400)).toMatchObject({ fields: [{ path: 'folder', message: 'is required on another host than the source’s' }] })
  expect(await refused(save({ isActive: true, slots: [] }), 400)).toMatchObject({ fields: [{ path: 'slots', message: expect.stringContaining('start time') as string }] })
  expect(await ok(save({ hostId: other, folder: '/srv/drills', look: { ...defaultWish.look, assertions: [{ database: 'shop', sql: 'select true' }] } }))).toMatchObject({ wish: { hostId: other, folder: '/srv/drills', look: { assertions: [{ database: 'shop', sql: 'select true' }] } } })
  expect(await refused(admin.send('DELETE', `/hosts/${other}`), 409)).toMatchObject({ message: 'db-09 is where shop-db is drilled', hint: expect.stringContaining('Restore ▸ Drills') as string })
  await ok(save({}))
  await endRuns()
  await ok(admin.send('DELETE', `/hosts/${other}`))
})

test('no secret that was entered is in an answer of the API, in the catalog in clear, or in the log [A7]', async () => {
  const planted = ['planted-of-host', 'planted-of-key', 'planted-of-phrase', 'planted-of-source', 'planted-of-bucket', 'planted-of-changed-bucket']
  const host = { address: '127.0.0.9', port: 22, user: 'postgres' }
  await made('/hosts', { ...host, name: 'by-password', secret: { signIn: 'password', password: 'planted-of-host' } })
  await made('/hosts', { ...host, name: 'by-key', secret: { signIn: 'key', privateKey: '-----BEGIN OPENSSH PRIVATE KEY-----\nplanted-of-key\n-----END OPENSSH PRIVATE KEY-----\n', passphrase: 'planted-of-phrase' } })
  await ok(admin.send('PUT', `/sources/${place.sourceId}`, { ...asSource(place.setId, place.hostId), password: 'planted-of-source' }))
  const bucket = { endpoint: 'https://s3.example.com', region: 'us-east-1', name: 'backups', accessKeyId: 'shown', secretAccessKey: 'planted-of-bucket' }
  const bucketId = await made('/storages', { kind: 's3', name: 'bucket', bucket })
  const change = { kind: 's3', name: 'bucket', comment: '', keepFreeBytes: 0, quotaBytes: null }
  expect((await ok<{ changes: object[] }>(admin.send('PUT', `/storages/${bucketId}`, { ...change, bucket: { ...bucket, secretAccessKey: null } }))).changes).toEqual([])
  expect((await ok<{ changes: object[] }>(admin.send('PUT', `/storages/${bucketId}`, { ...change, bucket: { ...bucket, region: 'eu-1', secretAccessKey: 'planted-of-changed-bucket' } }))).changes).toEqual([{ field: 'Region', before: 'us-east-1', after: 'eu-1' }, { field: 'Secret key', before: 'kept', after: 'a new one' }])
  const { runIds } = await ok<{ runIds: string[] }>(admin.send('POST', `/sets/${place.setId}/backup`, { level: 'full' }))
  const ids = [bucketId, place.setId, place.sourceId, place.hostId, place.storageId, ...runIds]
  const answers: string[] = []
  for (const { path } of listOperations().filter(({ method }) => method === 'GET')) for (const id of path.includes('{') ? ids : ['']) answers.push(JSON.stringify((await admin.send('GET', path.replaceAll(/\{\w+\}/g, id))).body))
  const tables = await web.db.$queryRaw<{ name: string }[]>`select tablename::text name from pg_tables where schemaname = 'public'`
  expect(tables.length).toBeGreaterThan(15)
  const kept: string[] = []
  for (const { name } of tables) kept.push(JSON.stringify(await web.db.$queryRawUnsafe(`select t::text from "${name}" t`)))
  // The search finds what is there in clear.
  expect(answers.join('')).toContain('by-password')
  expect(kept.join('')).toContain('by-password')
  for (const secret of planted) for (const [where, text] of Object.entries({ answers: answers.join(''), catalog: kept.join(''), log: web.logged.join('') })) expect(text.includes(secret), `${secret} in ${where}`).toBe(false)
})
