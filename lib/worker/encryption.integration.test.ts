// Encrypted images on real parts, encrypted on the host and on the console: nothing is readable without the key, everything with it, and by hand with age.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chapters, filled, printedBlocks } from '#e2e/hosts/by-hand.ts'
import { type Cluster, serverFolder, startCluster, startRestored } from '#e2e/hosts/cluster.ts'
import { startTestConsole, type TestConsole, type WorkerProcess } from '#e2e/hosts/console.ts'
import { isMatrix } from '#e2e/hosts/majors.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { insertKey } from '#lib/db/keys.ts'
import { keyFile } from '#lib/domain/encryption.ts'
import { parseImageJson } from '#lib/image/image-json.ts'
import { run as command } from '#lib/platform/process.mjs'
import { ageIdentities } from '#lib/secrets/age-identity.ts'
import { loadMasterKey } from '#lib/secrets/master-key.ts'
import { createSealer, type Sealer } from '#lib/secrets/seal.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'

const isRoot = process.getuid?.() === 0
const PLANTED = 'planted-so-that-it-can-be-searched-for'

/** Every file below a folder as bytes, by its path. */
async function filesBelow(folder: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return new Map(await Promise.all(entries.filter((entry) => entry.isFile()).map(async (entry) => [join(entry.parentPath, entry.name), await readFile(join(entry.parentPath, entry.name))] as const)))
}
const holders = (files: ReadonlyMap<string, Buffer>, text: string): string[] => [...files].filter(([, bytes]) => bytes.includes(text)).map(([path]) => path)

describe.skipIf(!isRoot).each([
  { where: 'host', compression: 'default', incrementalMethod: 'wal', isWhole: true },
  { where: 'host', compression: 'fast', incrementalMethod: 'blocks', isWhole: false },
  { where: 'console', compression: 'none', incrementalMethod: 'blocks', isWhole: true },
] as const)('a source encrypted on the $where with incrementals of $incrementalMethod', ({ where, compression, incrementalMethod, isWhole }) => {
  /** What depends on the place of encryption, or on the method, and not on both together. */
  const isWanted = isWhole || isMatrix
  let cluster: Cluster, sshd: Sshd, catalog: TestCatalog, console_: TestConsole, worker: WorkerProcess, sealer: Sealer
  let folder = ''
  let identity = ''
  let keyId = ''
  beforeAll(async () => {
    ;[cluster, sshd, catalog] = await Promise.all([startCluster({ major: 18, isLean: true }), startSshd(), testCatalog()])
    await cluster.sql(`create table t as select g as id, '${PLANTED}' as planted from generate_series(1, 30000) g`)
    console_ = await startTestConsole({ databaseUrl: catalog.url, ssh: sshd, cluster, settings: { retries: 0, maxWalWaitSeconds: 20, encryption: where, compression, incrementalMethod } })
    sealer = createSealer(await loadMasterKey({ home: console_.home }))
    folder = await mkdtemp(join(tmpdir(), 'howdah-encryption-'))
    worker = await console_.startWorker()
    await console_.run('deploy', { hostId: console_.hostId })
    await console_.run('test-storage', { storageId: console_.storageId })
  })
  afterAll(async () => {
    await worker?.kill('SIGTERM')
    await console_?.[Symbol.asyncDispose]()
    await Promise.all([cluster?.[Symbol.asyncDispose](), sshd?.[Symbol.asyncDispose](), catalog?.[Symbol.asyncDispose]()])
    await rm(folder, { recursive: true, force: true })
  })
  const images = () => console_.db.image.findMany({ include: { volumes: true }, orderBy: { endAt: 'asc' } })
  const stored = () => filesBelow(join(console_.storageRoot, 'sets'))
  async function restore(name: string) {
    const destination = join(await serverFolder('restore'), name)
    const { run } = await console_.restore(destination, { target: { kind: 'latest' } })
    return { run, destination }
  }

  const keyLine = async () => {
    await console_.run('check', { source: await console_.frozen(), announceSegmentSwitch: false })
    return console_.db.checkResult.findFirstOrThrow({ where: { sourceId: console_.sourceId, line: 'encryption-key' }, select: { status: true, message: true, fixText: true } })
  }

  test('without a key nothing is written, and check and run say so [B7] [C1]', async () => {
    expect(await keyLine()).toMatchObject({ status: 'error', fixText: expect.stringContaining('Admin ▸ Keys') as string })
    const run = await console_.backup('full')
    expect(run).toMatchObject({ state: 'failed', problemCode: 'key-missing', problemHint: expect.stringContaining('Admin ▸ Keys') as string })
    expect(await console_.db.image.count()).toBe(0)
  })

  test('a full and an incremental are stored as age files, and what was planted is in none of them [B7] [A7]', async () => {
    const made = await ageIdentities.make()
    identity = made.identity.reveal()
    const key = await insertKey(console_.db, { name: 'vault', comment: '', recipient: made.recipient, identitySealed: sealer.seal(made.identity), isDefault: true, isImported: false, createdAt: new Date(), createdBy: 'test', kitConfirmedAt: null, kitConfirmedBy: null })
    keyId = key.id
    await writeFile(join(folder, 'key.txt'), keyFile({ name: 'vault', createdAt: '2026-03-12T08:00:00Z', recipient: key.recipient, identity }), { mode: 0o600 })
    expect(await keyLine()).toMatchObject({ status: 'warn', message: expect.stringContaining('never printed') as string })
    await console_.db.encryptionKey.update({ where: { id: keyId }, data: { kitConfirmedAt: new Date(), kitConfirmedBy: 'test' } })
    expect(await keyLine()).toMatchObject({ status: 'ok' })
    const full = await console_.backup('full', true)
    expect(full, await console_.why(full)).toMatchObject({ state: 'succeeded', level: 0 })
    await cluster.sql(`insert into t select g, '${PLANTED}' from generate_series(30001, 31000) g`)
    const incremental = await console_.backup('incremental')
    expect(incremental, await console_.why(incremental)).toMatchObject({ state: 'succeeded', level: 1 })
    expect((await images()).at(-1)?.content).toBe(incrementalMethod)

    const files = await stored()
    const [image] = await images()
    expect(image).toMatchObject({ encryptionKeyId: keyId })
    const json = parseImageJson((await readFile(join(console_.storageRoot, image!.path, 'image.json'))).toString())
    expect(json).toMatchObject({ encryption: { keyId, recipient: key.recipient }, index: { name: 'index.json.zst.age' } })
    const open = [...files].filter(([path]) => !path.endsWith('.age')).map(([path]) => path.split('/').at(-1))
    expect(new Set(open)).toEqual(new Set(['image.json', 'set.json']))
    for (const [path, bytes] of files) if (path.endsWith('.age')) expect(bytes.toString('latin1', 0, 22), path).toBe('age-encryption.org/v1\n')
    expect(holders(files, PLANTED)).toEqual([])
    expect(await console_.db.walFile.count({ where: { encryptionKeyId: keyId } })).toBe(await console_.db.walFile.count())
  })

  test('age, tar and zstd alone bring the data directory and its WAL back, as RESTORE.md says [B7] [K14] [L8]', async () => {
    const [image] = await images()
    const out = join(folder, 'by-hand')
    const blocks = printedBlocks(await readFile(join(console_.storageRoot, 'RESTORE.md'), 'utf8'))
    const script = [chapters(blocks, 1, 3), chapters(blocks, 4, 4, ({ before }) => before === 'If it is one image:'), chapters(blocks, 6, 6)].join('\n')
    const said = execFileSync('bash', ['--norc', '-eu', '-c', filled(script, { store: console_.storageRoot, image: image!.id, out, key: join(folder, 'key.txt') })], { encoding: 'utf8' })
    expect(said).not.toContain('FAILED')
    expect((await readFile(join(out, 'data/PG_VERSION'))).toString()).toBe('18\n')
    // What is nowhere in storage is here: the search above would have found it.
    expect(holders(await filesBelow(join(out, 'data/base')), PLANTED).length).toBeGreaterThan(0)
    const segments = await console_.db.walFile.findMany({ where: { kind: 'segment' }, orderBy: { name: 'desc' }, take: 2 })
    for (const segment of segments) expect(createHash('sha256').update(await readFile(join(out, 'archive', segment.name))).digest('hex')).toBe(segment.rawSha256)
  })

  test.runIf(isWanted)('an image reads back with its key, and a flipped byte of an encrypted volume is found [B7] [J5] [D12]', async () => {
    const [image] = await images()
    const good = await console_.run('verify', { imageId: image!.id })
    expect(good, await console_.why(good)).toMatchObject({ state: 'succeeded' })
    const path = join(console_.storageRoot, image!.path, image!.volumes[0]!.name)
    const bytes = await readFile(path)
    const changed = Buffer.from(bytes)
    changed[5000] = (changed[5000] ?? 0) ^ 1
    await writeFile(path, changed)
    expect(await console_.run('verify', { imageId: image!.id })).toMatchObject({ state: 'failed', problemCode: 'storage-corrupt' })
    await writeFile(path, bytes)
    expect(await console_.run('verify', { imageId: image!.id })).toMatchObject({ state: 'succeeded' })
  })

  test('with the key a restore brings every row back to a server that starts from it [B7] [K10]', async () => {
    const wanted = await cluster.sql('select count(*), sum(id), min(planted) from t')
    const { run, destination } = await restore('copy')
    expect(run, await console_.why(run)).toMatchObject({ state: 'succeeded' })
    await command({ argv: ['chown', '-R', `${cluster.user.uid}:${cluster.user.gid}`, destination] })
    await using restored = await startRestored({ major: 18, dataDirectory: join(destination, 'data') })
    expect(await restored.sql('select count(*), sum(id), min(planted) from t')).toEqual(wanted)
  })

  test.runIf(isWanted)('with another key neither verification nor restore reads anything, and both say which key it is about [B7] [K10]', async () => {
    const [image] = await images()
    const sealed = await console_.db.encryptionKey.findUniqueOrThrow({ where: { id: keyId } })
    const other = await ageIdentities.make()
    await console_.db.encryptionKey.update({ where: { id: keyId }, data: { identitySealed: sealer.seal(other.identity) } })
    expect(await console_.run('verify', { imageId: image!.id })).toMatchObject({ state: 'failed', problemCode: 'key-wrong', problemHint: expect.stringContaining('recipient') as string })
    expect(await keyLine()).toMatchObject({ status: 'error', message: expect.stringContaining('vault') as string })
    const { run, destination } = await restore('wrong')
    expect(run).toMatchObject({ state: 'failed', problemCode: 'key-wrong' })
    await expect(readdir(join(destination, 'data'))).rejects.toThrow(/ENOENT/)
    // It says nothing about the image: it is as good as before.
    expect((await console_.db.image.findUniqueOrThrow({ where: { id: image!.id } })).verifyProblem).toBeNull()
    await console_.db.encryptionKey.update({ where: { id: keyId }, data: { identitySealed: sealed.identitySealed } })
  })

  test.runIf(isWanted)('a new key is used from the next run on, older images keep theirs, and one restore opens both [L8]', async () => {
    const made = await ageIdentities.make()
    await console_.db.encryptionKey.update({ where: { id: keyId }, data: { isDefault: false, retiredAt: new Date() } })
    const next = await insertKey(console_.db, { name: 'vault-2', comment: '', recipient: made.recipient, identitySealed: sealer.seal(made.identity), isDefault: true, isImported: false, createdAt: new Date(), createdBy: 'test', kitConfirmedAt: null, kitConfirmedBy: null })
    await cluster.sql(`insert into t select g, '${PLANTED}' from generate_series(31001, 32000) g`)
    const incremental = await console_.backup('incremental')
    expect(incremental, await console_.why(incremental)).toMatchObject({ state: 'succeeded', level: 2 })
    expect((await images()).map((image) => image.encryptionKeyId)).toEqual([keyId, keyId, next.id])
    const { run } = await restore('both')
    expect(run, await console_.why(run)).toMatchObject({ state: 'succeeded' })
  })

  test('no identity is on the host, in storage, in the catalog in clear, in an event or in a log [A7] [B7]', async () => {
    const onHost = await filesBelow(sshd.home)
    expect(onHost.size).toBeGreaterThan(0)
    expect(holders(onHost, identity)).toEqual([])
    expect(holders(await stored(), 'AGE-SECRET-KEY-')).toEqual([])
    const rows = await console_.db.$queryRawUnsafe<object[]>('select e::text from "RunEvent" e union all select r::text from "Run" r union all select k::text from "EncryptionKey" k')
    expect(JSON.stringify(rows)).not.toContain('AGE-SECRET-KEY-')
    expect(worker.log()).not.toContain('AGE-SECRET-KEY-')
  })
})
