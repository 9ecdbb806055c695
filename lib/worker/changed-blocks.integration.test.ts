// Changed-block incrementals through the run loop: their levels and bases, a base lost, a worker killed, verified, restored, compared.
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, serverFolder, startCluster, startRestored } from '#e2e/hosts/cluster.ts'
import { startTestConsole, type EndedRun, type TestConsole, type WorkerProcess } from '#e2e/hosts/console.ts'
import { beginHistory, contentOf, steps } from '#e2e/hosts/history.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { parseImageJson } from '#lib/image/image-json.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'
import { readFile } from 'node:fs/promises'

const isRoot = process.getuid?.() === 0

describe.skipIf(!isRoot)('a source whose incrementals hold changed blocks', () => {
  let cluster: Cluster, sshd: Sshd, catalog: TestCatalog, console_: TestConsole, worker: WorkerProcess
  let round = 0
  beforeAll(async () => {
    ;[cluster, sshd, catalog] = await Promise.all([startCluster({ major: 17, checksums: true, settings: { summarize_wal: 'on', autovacuum: 'off' } }), startSshd(), testCatalog()])
    await beginHistory(cluster)
    console_ = await startTestConsole({ databaseUrl: catalog.url, ssh: sshd, cluster, settings: { retries: 0, maxWalWaitSeconds: 20, incrementalMethod: 'blocks' } })
    worker = await console_.startWorker()
    await console_.run('deploy', { hostId: console_.hostId })
    expect(await console_.run('test-storage', { storageId: console_.storageId })).toMatchObject({ state: 'succeeded' })
  })
  afterAll(async () => {
    await worker?.kill('SIGTERM')
    await console_?.[Symbol.asyncDispose]()
    await Promise.all([cluster?.[Symbol.asyncDispose](), sshd?.[Symbol.asyncDispose](), catalog?.[Symbol.asyncDispose]()])
  })

  const live = async (): Promise<void> => {
    round += 1
    for (const [index, step] of steps.entries()) await step(cluster, round * 10 + index)
  }
  const imageOf = async (run: EndedRun) => {
    expect(run, JSON.stringify(await console_.texts(run.id))).toMatchObject({ state: 'succeeded' })
    const row = await console_.db.image.findFirstOrThrow({ where: { runId: run.id } })
    return { row, json: parseImageJson(await readFile(join(console_.storageRoot, row.path, 'image.json'), 'utf8')) }
  }
  const expectRestored = async (imageId: string, wanted: Record<string, string>): Promise<void> => {
    const destination = join(await serverFolder('restore'), 'copy of it')
    const { run, plan } = await console_.restore(destination, { target: { kind: 'immediate' }, imageId })
    expect(run, JSON.stringify(await console_.texts(run.id))).toMatchObject({ state: 'succeeded' })
    expect(plan.image.id).toBe(imageId)
    await using restored = await startRestored({ major: 17, dataDirectory: join(destination, 'data') })
    expect(await contentOf(restored)).toEqual(wanted)
  }

  test('each level stands on the one before, says what it stands on, and restores to what was then [E4] [E10] [E9]', async () => {
    const full = await imageOf(await console_.backup('incremental'))
    expect([full.row.level, full.row.content, full.json.changes]).toEqual([0, 'full', null])
    await live()
    const wanted = await contentOf(cluster)
    const first = await imageOf(await console_.backup('incremental'))
    expect([first.row.level, first.row.content, first.row.baseImageId]).toEqual([1, 'blocks', full.row.id])
    expect(first.json.changes).toMatchObject({ method: 'wal-summaries', baseBeginLsn: full.json.beginLsn, baseTimeline: 1 })
    await live()
    const later = await contentOf(cluster)
    const second = await imageOf(await console_.backup('incremental'))
    expect([second.row.level, second.row.baseImageId]).toEqual([2, first.row.id])
    for (const { row } of [first, second]) expect(await console_.run('verify', { imageId: row.id })).toMatchObject({ state: 'succeeded' })
    await expectRestored(first.row.id, wanted)
    await expectRestored(second.row.id, later)
  })

  test('with nothing changed the image is a few kilobytes and restores [E1]', async () => {
    const wanted = await contentOf(cluster)
    const image = await imageOf(await console_.backup('incremental'))
    expect(image.row.level).toBe(3)
    expect(Number(image.row.storedBytes)).toBeLessThan(Number(image.row.clusterBytes) / 50)
    await expectRestored(image.row.id, wanted)
  })

  test('an image lost from storage is no base: the next incremental stands on the newest whole chain [G2] [E3]', async () => {
    const [newest] = await console_.db.image.findMany({ orderBy: { level: 'desc' }, take: 1 })
    if (newest === undefined) throw new Error('There is no image.')
    const path = join(console_.storageRoot, newest.path, 'image.json')
    await rename(path, `${path}.lost`)
    await live()
    const wanted = await contentOf(cluster)
    const image = await imageOf(await console_.backup('incremental'))
    expect([image.row.level, image.row.baseImageId === newest.id]).toEqual([3, false])
    await rename(`${path}.lost`, path)
    await expectRestored(image.row.id, wanted)
  })

  test('a worker killed while changes are taken is followed by the next one, with the same base [D3] [E10]', async () => {
    await live()
    const wanted = await contentOf(cluster)
    const id = await console_.begin('backup', { source: await console_.frozen(), level: 'incremental', checkFirst: false, storageId: console_.storageId, cycleDays: 7 })
    await expect.poll(async () => (await console_.texts(id)).some((text) => text === 'phase begin'), { timeout: 30_000, interval: 20 }).toBe(true)
    await worker.kill('SIGKILL')
    worker = await console_.startWorker()
    const image = await imageOf(await console_.ended(id))
    expect(image.row.content).toBe('blocks')
    await expectRestored(image.row.id, wanted)
  })

  test('a base whose index was altered fails the backup, and nothing of it is visible [D12] [J2]', async () => {
    const [newest] = await console_.db.image.findMany({ orderBy: [{ endAt: 'desc' }], take: 1 })
    if (newest === undefined) throw new Error('There is no image.')
    const path = join(console_.storageRoot, newest.path, 'index.json.zst')
    await rename(path, `${path}.kept`)
    const { writeFile } = await import('node:fs/promises')
    const bytes = await readFile(`${path}.kept`)
    bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 4
    await writeFile(path, bytes)
    const images = await console_.db.image.count()
    const run = await console_.backup('incremental')
    expect(run).toMatchObject({ state: 'failed', problemCode: 'storage-corrupt' })
    expect(await console_.db.image.count()).toBe(images)
    await rm(path)
    await rename(`${path}.kept`, path)
    await imageOf(await console_.backup('incremental'))
  })
})
