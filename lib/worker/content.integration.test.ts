// What of a host goes into an image: foretold by each kind of estimate, and left out where the excludes say so.
import { existsSync } from 'node:fs'
import { chown, mkdir, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, serverFolder, startCluster, startRestored } from '#e2e/hosts/cluster.ts'
import { contentOf } from '#e2e/hosts/history.ts'
import { startTestConsole, type TestConsole } from '#e2e/hosts/console.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'

const isRoot = process.getuid?.() === 0

interface Estimated { rawBytes: number; storedBytes: number; from: string }

describe.skipIf(!isRoot)('what goes into an image', () => {
  let cluster: Cluster, sshd: Sshd, catalog: TestCatalog, console_: TestConsole
  beforeAll(async () => {
    ;[cluster, sshd, catalog] = await Promise.all([startCluster({ major: 17 }), startSshd(), testCatalog()])
    // Pages that compress well, that do not at all, and many small files.
    await cluster.sql(`create table repeated as select g as id, repeat('the same words ', 20) as note from generate_series(1, 100000) g;
      create table noise as select g as id, (select string_agg(decode(md5((g * 31 + n)::text || random()), 'hex'), '') from generate_series(1, 60) n) as bytes from generate_series(1, 12000) g`)
    for (let part = 0; part < 4; part += 1) await cluster.sql(Array.from({ length: 60 }, (_, n) => `create table small_${part}_${n} as select g as id, md5(g::text) as note from generate_series(1, 40) g`).join(';'))
    // An estimate reads files: what the server still holds in memory it cannot know.
    await cluster.sql('checkpoint')
    console_ = await startTestConsole({ databaseUrl: catalog.url, ssh: sshd, cluster, settings: {} })
    await console_.startWorker()
    await console_.run('deploy', { hostId: console_.hostId })
    await console_.run('test-storage', { storageId: console_.storageId })
    await console_.db.source.update({ where: { id: console_.sourceId }, data: { isActive: false } })
  })
  afterAll(async () => {
    await console_?.[Symbol.asyncDispose]()
    await Promise.all([cluster?.[Symbol.asyncDispose](), sshd?.[Symbol.asyncDispose](), catalog?.[Symbol.asyncDispose]()])
  })
  const estimated = async (estimate: 'accurate' | 'historical' | 'quick'): Promise<Estimated & { seconds: number }> => {
    await console_.settle({ estimate })
    const run = await console_.run('estimate', { source: await console_.frozen() })
    expect(run.state, JSON.stringify(await console_.texts(run.id))).toBe('succeeded')
    return { ...(run.result as unknown as Estimated), seconds: ((run.endedAt?.getTime() ?? 0) - (run.startedAt?.getTime() ?? 0)) / 1000 }
  }
  const full = async (): Promise<{ id: string; rawBytes: number; storedBytes: number }> => {
    const run = await console_.backup('full')
    expect(run.state, JSON.stringify(await console_.texts(run.id))).toBe('succeeded')
    const image = await console_.db.image.findFirstOrThrow({ where: { runId: run.id } })
    return { id: run.id, rawBytes: Number(image.rawBytes), storedBytes: Number(image.storedBytes) }
  }
  const off = (foretold: number, found: number): number => Math.abs(foretold - found) / found

  test('accurate is within 10 % of what is stored; quick and historical know from the last full, within 25 %, and history needs no second [B8]', async () => {
    // Nothing is known yet: history falls back to looking at the files.
    const first = await estimated('historical')
    expect(first.from).toBe('host')
    const accurate = await estimated('accurate')
    const image = await full()
    expect(off(accurate.storedBytes, image.storedBytes)).toBeLessThan(0.1)
    expect(off(accurate.rawBytes, image.rawBytes)).toBeLessThan(0.1)
    await cluster.sql('insert into noise select id + 100000, bytes from noise where id % 6 = 0; checkpoint')
    const [quick, historical] = [await estimated('quick'), await estimated('historical')]
    expect(historical).toMatchObject({ from: 'history', storedBytes: image.storedBytes })
    expect(historical.seconds).toBeLessThan(1)
    const next = await full()
    expect(off(quick.storedBytes, next.storedBytes)).toBeLessThan(0.25)
    expect(off(historical.storedBytes, next.storedBytes)).toBeLessThan(0.25)
  })

  test('a device without room for the next full is an ERROR of its check before a backup fails on it, and room makes it OK again [C1] [C5]', async () => {
    const line = async () => {
      await console_.run('check', { source: await console_.frozen(), announceSegmentSwitch: false })
      return console_.db.checkResult.findFirstOrThrow({ where: { sourceId: console_.sourceId, line: 'storage' } })
    }
    expect(await line()).toMatchObject({ status: 'ok' })
    const quota = (quotaBytes: bigint | null) => console_.db.storage.update({ where: { id: console_.storageId }, data: { quotaBytes } })
    await console_.run('test-storage', { storageId: console_.storageId })
    const { usedBytes } = await console_.db.storage.findUniqueOrThrow({ where: { id: console_.storageId } })
    await quota((usedBytes ?? 0n) + 1024n * 1024n)
    try {
      expect(await line()).toMatchObject({ status: 'error', message: expect.stringContaining('no room for the next full') as string, fixText: expect.stringContaining('raise its quota') as string })
    } finally {
      await quota(null)
    }
    expect(await line()).toMatchObject({ status: 'ok' })
  })

  test('what cannot be estimated is a failure with its reason, never zero [M23] [B8]', async () => {
    const away = `${cluster.dataDirectory}.away`
    await console_.settle({ estimate: 'accurate' })
    const source = await console_.frozen()
    await rename(cluster.dataDirectory, away)
    try {
      const run = await console_.run('estimate', { source })
      expect(run).toMatchObject({ state: 'failed', problemCode: 'read-failed' })
      expect(run.problemMessage).toContain(`${cluster.dataDirectory}/PG_VERSION`)
      expect(run.result).toBeNull()
    } finally {
      await rename(away, cluster.dataDirectory)
    }
  })

  test('excludes leave out what they match and nothing else, the check names it, and the copy starts [B9]', async () => {
    await mkdir(join(cluster.dataDirectory, 'dump', 'deep'), { recursive: true })
    const { uid, gid } = await stat(cluster.dataDirectory)
    for (const path of ['dump/all.sql', 'dump/deep/more.sql', 'notes.bak', 'base/5/core.123', 'kept.txt']) {
      await writeFile(join(cluster.dataDirectory, path), path.repeat(100_000))
      await chown(join(cluster.dataDirectory, path), uid, gid)
    }
    const before = await estimated('quick')
    await console_.settle({ excludes: 'dump\n*.bak\ncore.*' })
    const wanted = await contentOf(cluster)
    await console_.run('check', { source: await console_.frozen(), announceSegmentSwitch: false })
    const line = await console_.db.checkResult.findFirstOrThrow({ where: { sourceId: console_.sourceId, line: 'excludes' } })
    expect(line).toMatchObject({ status: 'ok' })
    expect(line.message).toContain('base/5/core.123')
    const { id, rawBytes } = await full()
    expect(before.rawBytes - rawBytes).toBeGreaterThan(2_000_000)
    expect((await console_.texts(id)).some((text) => /Left out, as the excludes say: .*notes\.bak/.test(text))).toBe(true)
    const folder = await serverFolder('restore')
    const { run } = await console_.restore(join(folder, 'copy'))
    expect(run.state, JSON.stringify(await console_.texts(run.id))).toBe('succeeded')
    const data = join(folder, 'copy', 'data')
    expect(['dump', 'notes.bak', 'base/5/core.123'].filter((path) => existsSync(join(data, path)))).toEqual([])
    expect(existsSync(join(data, 'kept.txt'))).toBe(true)
    await using restored = await startRestored({ major: 17, dataDirectory: data })
    expect(await contentOf(restored)).toEqual(wanted)
  })

  test('a pattern that turns out to hit what PostgreSQL needs fails check and backup with its name, and one that hits nothing is a warning [B9]', async () => {
    const lineOf = async (excludes: string) => {
      await console_.settle({ excludes })
      await console_.run('check', { source: await console_.frozen(), announceSegmentSwitch: false })
      return console_.db.checkResult.findFirstOrThrow({ where: { sourceId: console_.sourceId, line: 'excludes' } })
    }
    expect(await lineOf('no-such-thing/*')).toMatchObject({ status: 'warn', message: 'The excludes match nothing in the data directory' })
    const line = await lineOf('base/5/12[0-9][0-9]')
    expect(line).toMatchObject({ status: 'error' })
    expect(line.message).toMatch(/base\/5\/12\d\d/)
    const images = await console_.db.image.count()
    const run = await console_.backup('full', false)
    expect(run).toMatchObject({ state: 'failed', problemCode: 'check-failed' })
    expect(run.problemMessage).toMatch(/base\/5\/12\d\d, which PostgreSQL needs/)
    expect(await console_.db.image.count()).toBe(images)
  })
})
