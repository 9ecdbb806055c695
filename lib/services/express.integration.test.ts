// Where Express Restore offers to restore to: never a place that a restore was sent to before.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ok, testWeb, type TestClient, type TestWeb } from '#scripts/test-web.ts'

let web: TestWeb
let admin: TestClient
let sourceId = ''
beforeAll(async () => {
  web = await testWeb()
  admin = await web.administrator()
  const host = await ok<{ id: string }>(admin.send('POST', '/hosts', { name: 'db-01', address: '127.0.0.1', port: 22, user: 'postgres', secret: { signIn: 'password', password: 'x' } }))
  const set = await ok<{ id: string }>(admin.send('POST', '/sets', { name: 'nightly', comment: '' }))
  const source = await ok<{ id: string }>(admin.send('POST', '/sources', { setId: set.id, hostId: host.id, name: 'shop', dataDirectory: '/srv/pg/data', archiveDirectory: '/srv/pg/archive', connectionHost: '/run/postgresql', port: 5432, user: 'postgres', database: '', passfile: null, binaries: null, tempDirectory: null }))
  sourceId = source.id
})
afterAll(() => web[Symbol.asyncDispose]())

const offered = async (): Promise<string> => (await ok<{ destination: string }>(admin.send('GET', `/sources/${sourceId}/express`))).destination
const restoreTo = (destination: string) =>
  web.db.runGroup.create({ data: { id: randomUUID(), kind: 'restore', title: 'earlier', origin: 'person', startedBy: 'test', runs: { create: { id: randomUUID(), kind: 'restore', sourceId, position: 0, state: 'succeeded', startedAt: new Date(), endedAt: new Date(), input: { plan: { destination } } } } } })

test('a second restore within the same minute is offered a place of its own, beside the data directory [P13] [K1]', async () => {
  const first = await offered()
  expect(first).toMatch(/^\/srv\/pg\/restore-shop-\d{4}-\d\d-\d\d-\d{4}$/)
  expect(await offered()).toMatch(/^\/srv\/pg\/restore-shop-\d{4}-\d\d-\d\d-\d{4}$/)
  // The minute may go by while this runs: all places that this minute and the next one would give are taken.
  const minutes = [0, 1, 2].map((more) => new Date(Date.now() + more * 60_000).toISOString().slice(0, 16).replace('T', '-').replace(':', ''))
  for (const minute of minutes) for (const end of ['', '-2']) await restoreTo(`/srv/pg/restore-shop-${minute}${end}`)
  expect(await offered()).toMatch(/^\/srv\/pg\/restore-shop-\d{4}-\d\d-\d\d-\d{4}-3$/)
})
