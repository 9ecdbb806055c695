// Every choice of compression, on the host and on the console, plain and encrypted there: stored as it says, opened by the standard tools, restored and compared.
import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, serverFolder, startCluster, startRestored } from '#e2e/hosts/cluster.ts'
import { startTestConsole, type TestConsole, type WorkerProcess } from '#e2e/hosts/console.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { insertKey } from '#lib/db/keys.ts'
import { keyFile } from '#lib/domain/encryption.ts'
import { parseImageJson } from '#lib/image/image-json.ts'
import { ageIdentities } from '#lib/secrets/age-identity.ts'
import { loadMasterKey } from '#lib/secrets/master-key.ts'
import { createSealer } from '#lib/secrets/seal.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'

const choices = [
  { compression: 'none', compressionPlace: 'host', level: null }, { compression: 'default', compressionPlace: 'host', level: 3 },
  { compression: 'best', compressionPlace: 'host', level: 12 }, { compression: 'level', compressionPlace: 'host', compressionLevel: 7, level: 7 },
  { compression: 'none', compressionPlace: 'console', level: null }, { compression: 'fast', compressionPlace: 'console', level: 1 }, { compression: 'default', compressionPlace: 'console', level: 3 },
  { compression: 'best', compressionPlace: 'console', level: 12 }, { compression: 'level', compressionPlace: 'console', compressionLevel: 7, level: 7, encryption: 'console' },
] as const

describe.skipIf(process.getuid?.() !== 0)('compression', () => {
  let cluster: Cluster, sshd: Sshd, catalog: TestCatalog, console_: TestConsole, worker: WorkerProcess
  let folder = ''
  let wanted: unknown
  const content = async (server: { sql: Cluster['sql'] }): Promise<unknown> => server.sql('select count(*), sum(id), md5(string_agg(v, chr(10) order by id)) from t')
  async function restored(request?: Parameters<TestConsole['restore']>[1]): Promise<unknown> {
    const destination = join(await serverFolder('compression'), 'copy')
    const { run } = await console_.restore(destination, request)
    expect(run, await console_.why(run)).toMatchObject({ state: 'succeeded' })
    await using server = await startRestored({ major: 17, dataDirectory: join(destination, 'data') })
    return await content(server)
  }
  beforeAll(async () => {
    ;[cluster, sshd, catalog] = await Promise.all([startCluster({ major: 17, segmentSizeMb: 1, isLean: true }), startSshd(), testCatalog()])
    await cluster.sql(`create table t as select g as id, repeat(md5(g::text), 4) as v from generate_series(1, 30000) g`)
    console_ = await startTestConsole({ databaseUrl: catalog.url, ssh: sshd, cluster })
    folder = await mkdtemp(join(tmpdir(), 'howdah-compression-'))
    const made = await ageIdentities.make()
    const key = await insertKey(console_.db, { name: 'vault', comment: '', recipient: made.recipient, identitySealed: createSealer(await loadMasterKey({ home: console_.home })).seal(made.identity), isDefault: true, isImported: false, createdAt: new Date(), createdBy: 'test', kitConfirmedAt: new Date(), kitConfirmedBy: 'test' })
    await writeFile(join(folder, 'key.txt'), keyFile({ name: 'vault', createdAt: '2026-03-12T08:00:00Z', recipient: key.recipient, identity: made.identity.reveal() }), { mode: 0o600 })
    worker = await console_.startWorker()
    await console_.run('deploy', { hostId: console_.hostId })
    await console_.run('test-storage', { storageId: console_.storageId })
    wanted = await content(cluster)
  })
  afterAll(async () => {
    await worker?.kill('SIGTERM')
    await console_?.[Symbol.asyncDispose]()
    await Promise.all([cluster?.[Symbol.asyncDispose](), sshd?.[Symbol.asyncDispose](), catalog?.[Symbol.asyncDispose]()])
    await rm(folder, { recursive: true, force: true })
  })

  test.each(choices)('$compression on the $compressionPlace: stored so, opened by zstd and tar, and restored [B6] [K14]', async ({ level, ...overrides }) => {
    await console_.settle({ encryption: 'none', ...overrides })
    const run = await console_.backup('full')
    expect(run, await console_.why(run)).toMatchObject({ state: 'succeeded' })
    const image = await console_.db.image.findFirstOrThrow({ where: { runId: run.id }, include: { volumes: { orderBy: { name: 'asc' } } } })
    const json = parseImageJson((await readFile(join(console_.storageRoot, image.path, 'image.json'))).toString())
    expect([image.compression, json.compressionLevel]).toEqual([overrides.compression, level])
    const isSealed = 'encryption' in overrides
    const ending = `.tar${level === null ? '' : '.zst'}${isSealed ? '.age' : ''}`
    for (const { name } of image.volumes) expect(name).toMatch(new RegExp(`^(data|config)-\\d+\\.\\d{6}${ending.replaceAll('.', '\\.')}$`))
    // The ratio that pages show comes from these two.
    if (level === null) expect(Number(image.storedBytes)).toBeGreaterThan(Number(image.rawBytes))
    else expect(Number(image.storedBytes)).toBeLessThan(Number(image.rawBytes) / 2)
    const files = image.volumes.filter(({ name }) => name.startsWith('data-1.')).map(({ name }) => join(console_.storageRoot, image.path, name))
    const opening = `for file in ${files.join(' ')}; do ${isSealed ? `age -d -i ${folder}/key.txt $file` : 'cat $file'}; done ${level === null ? '' : '| zstd -dc'} | tar tf -`
    expect(execFileSync('bash', ['-eo', 'pipefail', '-c', opening]).toString()).toContain('base/')
    const segments = await console_.db.walFile.findMany({ where: { kind: 'segment' }, orderBy: { name: 'desc' }, take: 1 })
    expect(segments[0]?.path.endsWith(`${level === null ? '' : '.zst'}${isSealed ? '.age' : ''}`)).toBe(true)
    expect(await restored({ target: { kind: 'immediate' }, imageId: image.id })).toEqual(wanted)
  })

  test('an incremental of changed blocks stands on a full that the console compressed and encrypted, and restores [B6] [B7] [E10]', async () => {
    await console_.settle({ encryption: 'console', compressionPlace: 'console', compression: 'fast', incrementalMethod: 'blocks', levelRule: 'since-full' })
    await cluster.sql(`update t set v = 'changed' where id % 5 = 0`)
    const run = await console_.backup('incremental')
    expect(run, await console_.why(run)).toMatchObject({ state: 'succeeded', level: 1 })
    expect(await console_.db.image.findFirstOrThrow({ where: { runId: run.id } })).toMatchObject({ content: 'blocks', compression: 'fast' })
    expect(await restored()).toEqual(await content(cluster))
  })

  test('what the host encrypts is not compressed on the console: refused before anything is written [B6] [B7]', async () => {
    await console_.settle({ encryption: 'host', compressionPlace: 'console', compression: 'default' })
    const before = await console_.db.image.count()
    expect(await console_.backup('full')).toMatchObject({ state: 'failed', problemCode: 'invalid-input', problemHint: expect.stringContaining('compress on the host') as string })
    expect(await console_.db.image.count()).toBe(before)
  })
})
