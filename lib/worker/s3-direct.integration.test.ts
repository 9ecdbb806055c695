// Volumes straight between a host and a real S3 server (OpenStack Swift with s3api): no byte of them through the console, and no key on the host.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, noiseTable, serverFolder, startCluster, startRestored, switchWal } from '#e2e/hosts/cluster.ts'
import { startTestConsole, type TestConsole, type WorkerProcess } from '#e2e/hosts/console.ts'
import { startProxy, type Proxy } from '#e2e/hosts/proxy.ts'
import { processesOf } from '#e2e/hosts/processes.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { startSwift, swiftKeys, type Swift } from '#e2e/hosts/swift.ts'
import { s3Storage } from '#lib/storage/s3.ts'
import type { S3Options } from '#lib/storage/s3-client.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'

const MB = 1024 * 1024

describe.skipIf(process.getuid?.() !== 0)('a bucket that the host reaches by itself', () => {
  let cluster: Cluster, sshd: Sshd, catalog: TestCatalog, swift: Swift, toHost: Proxy, toSwift: Proxy, bucket: S3Options, console_: TestConsole, worker: WorkerProcess
  beforeAll(async () => {
    ;[cluster, sshd, catalog, swift] = await Promise.all([startCluster({ major: 17 }), startSshd(), testCatalog(), startSwift()])
    // About 20 MB that do not compress.
    await cluster.sql(noiseTable('t', 20))
    ;[toHost, toSwift] = await Promise.all([startProxy(sshd.port), startProxy(swift.port)])
    bucket = { ...(await swift.makeBucket('backups')), prefix: 'howdah/tests', endpoint: `http://127.0.0.1:${toSwift.port}` }
    console_ = await startTestConsole({ databaseUrl: catalog.url, ssh: { ...sshd, port: toHost.port }, cluster, settings: { retries: 0, maxWalWaitSeconds: 20, compression: 'fast' }, bucket })
    worker = await console_.startWorker()
    expect(await console_.run('deploy', { hostId: console_.hostId })).toMatchObject({ state: 'succeeded' })
  })
  afterAll(async () => {
    await worker?.kill('SIGTERM')
    await console_?.[Symbol.asyncDispose]()
    await Promise.all([toHost, toSwift, cluster, sshd, catalog, swift].map((one) => one?.[Symbol.asyncDispose]()))
  })
  const told = async (runId: string): Promise<string> => (await console_.texts(runId)).join('\n')
  const secrets = [swiftKeys.secretAccessKey, swiftKeys.accessKeyId, 'X-Amz-Signature']

  /** Everything the host can see of the agent: its files, and the arguments and environment of every process. */
  let processes = 0
  async function searchHost(): Promise<string[]> {
    const found: string[] = []
    const look = async (where: string, path: string): Promise<void> => {
      const text = await readFile(path, 'latin1').catch(() => '') // it ended, or was removed, meanwhile
      for (const secret of secrets) if (text.includes(secret)) found.push(`${secret} in ${where}`)
    }
    for (const entry of await readdir(join(sshd.home, '.howdah-agent'), { recursive: true, withFileTypes: true })) if (entry.isFile() && !entry.name.endsWith('.mjs')) await look(entry.name, join(entry.parentPath, entry.name))
    for (const pid of await processesOf((words) => words.some((word) => word.includes(join(sshd.home, '.howdah-agent'))))) {
      processes++
      await look(`arguments of process ${pid}`, `/proc/${pid}/cmdline`)
      await look(`environment of process ${pid}`, `/proc/${pid}/environ`)
    }
    return found
  }

  test('a full goes straight to the bucket, a cut in mid-upload included, and no key is on the host meanwhile [H2] [D3] [A7]', async () => {
    // The WAL of before comes in through the console: it is not to be counted.
    await console_.collect(await switchWal(cluster))
    const [fromHost, intoSwift] = [toHost.received(), toSwift.sent()]
    const runId = await console_.begin('backup', { source: await console_.frozen(), level: 'full', checkFirst: false, storageId: console_.storageId, cycleDays: 7 })
    const seen: string[] = []
    for (let tries = 0; toSwift.sent() - intoSwift < 10 * MB; tries++) {
      if (tries > 3000) throw new Error(`The upload never got under way: ${await told(runId)}`)
      await sleep(20)
      if (tries % 10 === 0) seen.push(...(await searchHost()))
    }
    toSwift.refuse(true)
    toSwift.cut()
    seen.push(...(await searchHost()))
    await sleep(2_500)
    toSwift.refuse(false)
    const run = await console_.ended(runId)
    expect(run, await told(runId)).toMatchObject({ state: 'succeeded', level: 0, attempt: 1 })
    expect(await told(runId)).not.toContain('through the console')
    expect(seen).toEqual([])
    expect(processes).toBeGreaterThan(0) // the search found the agent at work
    const image = await console_.db.image.findUniqueOrThrow({ where: { id: runId } })
    expect(Number(image.storedBytes)).toBeGreaterThan(16 * MB)
    expect(toHost.received() - fromHost).toBeLessThan(Number(image.storedBytes) / 2)
    expect(await s3Storage(bucket).sweep('')).toBe(0)
    expect(await console_.run('verify', { imageId: runId })).toMatchObject({ state: 'succeeded' })
  })

  test('full, incremental and WAL come back straight from the bucket to a server that starts from them, a cut included [K10] [H2]', async () => {
    await cluster.sql('insert into t select g, sha256(g::text::bytea) from generate_series(10001, 20000) g')
    const incremental = await console_.backup('incremental', true)
    expect(incremental, await told(incremental.id)).toMatchObject({ state: 'succeeded', level: 1 })
    const wanted = await cluster.sql('select count(*), sum(id), md5(string_agg(md5(noise), null order by id)) from t')
    const destination = join(await serverFolder('restore'), 'copy')
    const [intoHost, fromSwift] = [toHost.sent(), toSwift.received()]
    toSwift.limit(12 * MB)
    const restoring = console_.restore(destination)
    for (let tries = 0; tries < 1500 && toSwift.received() - fromSwift < 8 * MB; tries++) await sleep(20)
    toSwift.cut()
    toSwift.limit(null)
    const { run } = await restoring
    expect(run, await told(run.id)).toMatchObject({ state: 'succeeded' })
    expect(await told(run.id)).not.toContain('through the console')
    expect(toHost.sent() - intoHost).toBeLessThan(2 * MB)
    await using restored = await startRestored({ major: 17, dataDirectory: join(destination, 'data') })
    expect(await restored.sql('select count(*), sum(id), md5(string_agg(md5(noise), null order by id)) from t')).toEqual(wanted)
    expect(await searchHost()).toEqual([])
  })

  test('no key and no signed URL is in the log, the events of runs or the catalog [A7]', async () => {
    for (const secret of [swiftKeys.secretAccessKey, 'X-Amz-Signature']) {
      expect(worker.log()).not.toContain(secret)
      const tables = await console_.db.$queryRaw<{ name: string }[]>`select tablename::text name from pg_tables where schemaname = 'public'`
      for (const { name } of tables) expect(JSON.stringify(await console_.db.$queryRawUnsafe(`select t::text from "${name}" t`)), name).not.toContain(secret)
    }
  })
})
