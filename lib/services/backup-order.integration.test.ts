// The order in which the sources of a set are begun, as the queue keeps it.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testWeb, ok, type TestClient, type TestWeb } from '#scripts/test-web.ts'

let web: TestWeb
let admin: TestClient
let setId = ''
beforeAll(async () => {
  web = await testWeb()
  admin = await web.administrator()
  const host = await ok<{ id: string }>(admin.send('POST', '/hosts', { name: 'db-01', address: '127.0.0.1', port: 22, user: 'postgres', secret: { signIn: 'password', password: 'x' } }))
  const storage = await ok<{ id: string }>(admin.send('POST', '/storages', { kind: 'disk', name: 'vault', rootPath: '/vault' }))
  const set = await ok<{ id: string }>(admin.send('POST', '/sets', { name: 'nightly', comment: '' }))
  setId = set.id
  await ok(admin.send('PUT', `/sets/${setId}/storage`, { storageId: storage.id }))
  // Name, size in bytes, seconds that the last backup took.
  for (const [name, sizeBytes, seconds] of [['c', 30n, 5], ['a', 10n, 60], ['d', null, null], ['b', 20n, 9]] as const) {
    const source = await ok<{ id: string }>(admin.send('POST', '/sources', { setId, hostId: host.id, name, dataDirectory: `/data/${name}`, archiveDirectory: `/archive/${name}`, connectionHost: '/run/postgresql', port: 5432, user: 'postgres', database: '', passfile: null, binaries: null, tempDirectory: null, password: null }))
    await web.db.source.update({ where: { id: source.id }, data: { sizeBytes } })
    if (seconds === null) continue
    const begin = new Date(Date.now() - 3_600_000)
    await web.db.runGroup.create({ data: { id: randomUUID(), kind: 'backup', title: 'earlier', origin: 'person', startedBy: 'test', setId, runs: { create: { id: randomUUID(), kind: 'backup', sourceId: source.id, state: 'succeeded', input: {}, startedAt: begin, endedAt: new Date(begin.getTime() + seconds * 1000) } } } })
  }
})
afterAll(() => web[Symbol.asyncDispose]())

test.each([['name', 'abcd'], ['largest', 'cbad'], ['smallest', 'dabc'], ['longest', 'abcd']] as const)('order %s: by name, largest, smallest, longest first as %s [I1] [P6]', async (order, wanted) => {
  await ok(admin.send('PUT', `/sets/${setId}/settings`, { overrides: { order } }))
  const { groupId } = await ok<{ groupId: string }>(admin.send('POST', `/sets/${setId}/backup`, {}))
  const runs = await web.db.run.findMany({ where: { groupId }, orderBy: { position: 'asc' }, select: { source: { select: { name: true } } } })
  expect(runs.map((run) => run.source?.name).join('')).toBe(wanted)
  await ok(admin.send('POST', `/run-groups/${groupId}/cancel`))
})
