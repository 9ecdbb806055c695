// Retention on real parts: what the preview said goes, and nothing else; what stays restores.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startCluster } from '#e2e/hosts/cluster.ts'
import { startTestConsole } from '#e2e/hosts/console.ts'
import { startSshd } from '#e2e/hosts/sshd.ts'
import { listFacts } from '#lib/db/facts.ts'
import { planExpiry } from '#lib/domain/retention.ts'
import { testCatalog } from '#scripts/test-catalog.ts'

test.skipIf(process.getuid?.() !== 0)('a full that is not kept goes with what rests on it and the WAL that only they needed, catalog first; the kept chain stays whole [H7] [H1]', async () => {
  await using stack = new AsyncDisposableStack()
  const [cluster, sshd, catalog] = [stack.use(await startCluster({ major: 15 })), stack.use(await startSshd()), stack.use(await testCatalog())]
  const console_ = stack.use(await startTestConsole({ databaseUrl: catalog.url, ssh: sshd, cluster, settings: { compression: 'fast' } }))
  await console_.startWorker()
  expect(await console_.run('deploy', { hostId: console_.hostId })).toMatchObject({ state: 'succeeded' })
  expect(await console_.run('test-storage', { storageId: console_.storageId })).toMatchObject({ state: 'succeeded' })
  await cluster.sql('create table t as select generate_series(1, 1000) i')
  for (const level of ['full', 'incremental', 'full', 'incremental'] as const) {
    await cluster.sql('insert into t select generate_series(1, 1000)')
    const run = await console_.backup(level)
    expect(run, `${level}: ${run.problemMessage} ${run.problemDetail}`).toMatchObject({ state: 'succeeded' })
  }
  const images = await console_.db.image.findMany({ orderBy: { endAt: 'asc' } })
  expect(images.map(({ level }) => level)).toEqual([0, 1, 0, 1])
  await console_.db.backupSet.update({ where: { id: console_.setId }, data: { keepFulls: 1, keepDays: null, minimumFulls: 1 } })

  const facts = (await listFacts(console_.db, [console_.sourceId])).get(console_.sourceId)
  if (facts === undefined) throw new Error('There are no facts.')
  const preview = planExpiry({ ...facts, retention: { keepFulls: 1, keepDays: null, minimumFulls: 1 }, now: Date.now() })
  expect(new Set(preview.expire)).toEqual(new Set(images.slice(0, 2).map(({ id }) => id)))
  const namesBefore = (await console_.db.walFile.findMany()).map(({ name }) => name)

  const run = await console_.run('expire', { setId: console_.setId })
  expect(run, run.problemMessage ?? '').toMatchObject({ state: 'succeeded' })
  const left = await console_.db.image.findMany({ orderBy: { endAt: 'asc' } })
  expect(left.map(({ id }) => id)).toEqual(images.slice(2).map(({ id }) => id))
  const namesAfter = (await console_.db.walFile.findMany()).map(({ name }) => name)
  expect(namesBefore.filter((name) => !namesAfter.includes(name)).toSorted()).toEqual([...preview.wal.names].toSorted())
  expect((await readdir(join(console_.storageRoot, 'sets/nightly/main/images'))).toSorted()).toEqual(left.map(({ id }) => id).toSorted())
  for (const { id } of left) expect(await console_.run('verify', { imageId: id })).toMatchObject({ state: 'succeeded' })
  // A second expiry finds nothing, and says so.
  const again = await console_.run('expire', { setId: console_.setId })
  expect(again).toMatchObject({ state: 'succeeded' })
  expect((await console_.texts(again.id)).join(' ')).toContain('Nothing goes')
})
