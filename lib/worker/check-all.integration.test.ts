// Checks of several hosts at once: one that says nothing fails its own check in time, and no other.
import { createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { startCluster } from '#e2e/hosts/cluster.ts'
import { startTestConsole } from '#e2e/hosts/console.ts'
import { startSshd } from '#e2e/hosts/sshd.ts'
import { testCatalog } from '#scripts/test-catalog.ts'

test.skipIf(process.getuid?.() !== 0)('a host that does not answer fails its own check within its time; the others are checked meanwhile [C3] [A3]', async () => {
  await using stack = new AsyncDisposableStack()
  const [cluster, sshd, catalog] = [stack.use(await startCluster({ major: 15 })), stack.use(await startSshd()), stack.use(await testCatalog())]
  const sockets = new Set<Socket>()
  const silent = createServer((socket) => void sockets.add(socket))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  stack.defer(() => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  const address = silent.address()
  if (address === null || typeof address === 'string') throw new Error('The silent host has no port.')
  const console_ = stack.use(await startTestConsole({ databaseUrl: catalog.url, ssh: sshd, cluster }))
  await console_.startWorker()
  expect(await console_.run('deploy', { hostId: console_.hostId })).toMatchObject({ state: 'succeeded' })
  expect(await console_.run('test-storage', { storageId: console_.storageId })).toMatchObject({ state: 'succeeded' })

  const known = await console_.db.host.findUniqueOrThrow({ where: { id: console_.hostId } })
  const { id: _id, name: _name, createdAt: _created, updatedAt: _updated, ...like } = known as typeof known & { createdAt?: Date; updatedAt?: Date }
  const quiet = await console_.db.host.create({ data: { ...like, name: 'quiet', port: address.port } })
  const source = await console_.frozen()
  const row = await console_.db.source.findUniqueOrThrow({ where: { id: source.id } })
  const lost = await console_.db.source.create({
    data: { name: 'lost', dataDirectory: '/data', archiveDirectory: '/archive', connectionHost: '127.0.0.1', port: 5432, user: 'postgres', set: { connect: { id: row.setId } }, host: { connect: { id: quiet.id } }, settings: { create: {} } },
  })

  const begin = Date.now()
  const bad = await console_.begin('check', { source: { ...source, id: lost.id, name: 'lost', hostId: quiet.id }, announceSegmentSwitch: false })
  const good = await console_.begin('check', { source, announceSegmentSwitch: false })
  expect(await console_.ended(good)).toMatchObject({ state: 'succeeded' })
  const tookGood = Date.now() - begin
  expect(['queued', 'running']).toContain((await console_.db.run.findUniqueOrThrow({ where: { id: bad } })).state)
  await console_.ended(bad)
  const errorsOf = async (sourceId: string) => (await console_.db.checkResult.findMany({ where: { sourceId, status: 'error' } })).map(({ line, message, fixText }) => ({ line, message, hasFix: (fixText ?? '') !== '' }))
  expect(await errorsOf(lost.id)).toEqual([{ line: 'agent', message: expect.stringContaining(String(address.port)) as string, hasFix: true }])
  expect(await errorsOf(source.id)).toEqual([])
  expect(Date.now() - begin).toBeLessThan(45_000)
  expect(tookGood).toBeLessThan(15_000)
  expect(await console_.db.host.findUniqueOrThrow({ where: { id: console_.hostId } })).toMatchObject({ offlineReason: null })
})
