// Every operation of the API over a real catalog: who may do it, what it keeps, and what it answers to nonsense.
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { updateChain } from '#lib/db/wal-files.ts'
import { Problem } from '#lib/domain/problem-shape.ts'
import { permissions, roles, type Permission, type Role } from '#lib/domain/role.ts'
import { settingKeys, settings } from '#lib/domain/settings.ts'
import { listOperations, type NamedOperation } from '#lib/http/router.ts'
import { subjects } from '#lib/services/access.ts'
import { ok, refused, testWeb, type Answer, type TestClient, type TestWeb } from '#scripts/test-web.ts'

interface Stage { hostId: string; storageId: string; mine: Owned; other: Owned }
interface Owned { setId: string; sourceId: string }
interface Idd { id: string }

const source = (setId: string, hostId: string, name: string) => ({
  setId, hostId, name, dataDirectory: `/data/${name}`, archiveDirectory: `/archive/${name}`, connectionHost: '/run/postgresql', port: 5432, user: 'postgres', database: '', passfile: null, binaries: null, tempDirectory: null, password: null,
})
const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n'

/** A host, a device, and a set with a source for each of two owners; nothing of it is real, since no worker runs. */
async function setStage(web: TestWeb, admin: TestClient, ownerId: string): Promise<Stage> {
  const host = await ok<Idd>(admin.send('POST', '/hosts', { name: 'db-01', address: '127.0.0.1', port: 22, user: 'postgres', secret: { signIn: 'key', privateKey: key } }))
  const storage = await ok<Idd>(admin.send('POST', '/storages', { kind: 'disk', name: 'vault', rootPath: '/vault' }))
  const made = async (name: string, owner: string | null): Promise<Owned> => {
    const set = await ok<Idd>(admin.send('POST', '/sets', { name, comment: '' }))
    if (owner !== null) await ok(admin.send('PUT', `/sets/${set.id}`, { name, comment: '', ownerId: owner, rpoTargetSeconds: 3600 }))
    const one = await ok<Idd>(admin.send('POST', '/sources', source(set.id, host.id, `${name}-db`)))
    await ok(admin.send('PUT', `/sets/${set.id}/storage`, { storageId: storage.id }))
    return { setId: set.id, sourceId: one.id }
  }
  await web.db.run.updateMany({ data: { state: 'succeeded', startedAt: new Date(), endedAt: new Date() } })
  return { hostId: host.id, storageId: storage.id, mine: await made('mine', ownerId), other: await made('other', null) }
}

const pathOf = (operation: Pick<NamedOperation, 'path'>, id: string): string => operation.path.replaceAll(/\{\w+\}/g, id)
const send = (client: TestClient, { method, path }: Pick<NamedOperation, 'method' | 'path'>, id: string, body: unknown = {}): Promise<Answer> => client.send(method, pathOf({ path }, id), method === 'GET' ? undefined : body)

describe('roles', () => {
  let web: TestWeb
  let admin: TestClient
  let stage: Stage
  const people = new Map<Role, TestClient & { id: string }>()
  beforeAll(async () => {
    web = await testWeb()
    admin = await web.administrator()
    for (const role of roles) people.set(role, await web.person(role, admin))
    stage = await setStage(web, admin, people.get('operator')?.id ?? '')
  })
  afterAll(() => web[Symbol.asyncDispose]())

  const operations = listOperations()
  const guarded = operations.filter(({ meta }) => meta.permission !== 'public')

  test('nobody who is not signed in gets past the door of any operation [L1]', async () => {
    const visitor = web.client()
    expect(guarded.length).toBeGreaterThan(60)
    for (const operation of guarded) {
      const { status } = await send(visitor, operation, randomUUID())
      expect(status, operation.name).toBe(401)
    }
    expect(operations.filter(({ meta }) => meta.permission === 'public').map(({ name }) => name).toSorted()).toEqual(['session.firstStart', 'session.status'])
  })

  test.each(roles)('%s gets into exactly the operations that the table of permissions grants [L1] [K11]', async (role) => {
    const person = people.get(role)
    if (person === undefined) throw new Error('There is no such person.')
    for (const operation of guarded) {
      const grant = permissions[operation.meta.permission as Permission][role]
      const answer = await send(person, operation, randomUUID())
      if (grant === 'none') expect(answer.status, operation.name).toBe(403)
      else if (grant === 'all') expect([401, 403], operation.name).not.toContain(answer.status)
      else expect([400, 403, 404], operation.name).toContain(answer.status)
    }
  })

  test('what asks only for reading changes nothing and starts nothing, so that who restores can do nothing else [L1] [K11]', () => {
    const sending = guarded.filter(({ meta, method }) => meta.permission === 'read' && method !== 'GET').map(({ name }) => name)
    expect(sending.toSorted()).toEqual(['set.previewRetention', 'set.previewSchedule'])
    const granted = Object.entries(permissions).flatMap(([permission, of]) => (of['restore-only'] === 'none' ? [] : [permission]))
    expect(granted.toSorted()).toEqual(['read', 'restore.run', 'run.cancel', 'self'])
  })

  test('where a role may act on its own only, the operation says what it is about [L1]', () => {
    const asked = guarded.filter(({ meta }) => Object.values(permissions[meta.permission as Permission]).includes('own')).map(({ name }) => name)
    const told = Object.entries(subjects).flatMap(([noun, verbs]) => Object.keys(verbs).map((verb) => `${noun}.${verb}`))
    expect(told.toSorted()).toEqual(asked.toSorted())
  })

  test('an operator changes and backs up own sets, and no others [L1]', async () => {
    const operator = people.get('operator')
    if (operator === undefined) throw new Error('There is no operator.')
    const schedule = { timeZone: 'Europe/Berlin', cycleDays: 7, slots: [{ dayOfWeek: 1, minuteOfDay: 90, level: 'auto' }] }
    const acts = ({ setId, sourceId }: Owned): (readonly [string, string, unknown])[] => [
      ['PUT', `/sets/${setId}/schedule`, schedule], ['PUT', `/sets/${setId}/retention`, { keepFulls: 3, keepDays: null, minimumFulls: 1 }], ['PUT', `/sets/${setId}/settings`, { overrides: { workers: 3 } }],
      ['PUT', `/sources/${sourceId}/settings`, { overrides: { workers: 4 } }], ['POST', `/sources/${sourceId}/deactivate`, {}], ['POST', `/sources/${sourceId}/activate`, {}], ['POST', `/sets/${setId}/activate`, {}], ['POST', `/sets/${setId}/deactivate`, {}],
      ['POST', `/sets/${setId}/backup`, { level: 'auto' }],
    ]
    for (const [method, path, body] of acts(stage.other)) expect(await refused(operator.send(method, path, body), 403), path).toMatchObject({ code: 'forbidden' })
    for (const [method, path, body] of acts(stage.mine)) await ok(operator.send(method, path, body))
  })

  test('a token does what its user may, and no more [L1]', async () => {
    const monitor = people.get('monitor')
    if (monitor === undefined) throw new Error('There is no monitor.')
    const { secret } = await ok<{ secret: string }>(monitor.send('POST', '/tokens', { name: 'script', expiresInDays: null }))
    const script = web.client({ token: secret })
    await ok(script.send('GET', '/sets'))
    await refused(script.send('POST', '/sets', { name: 'x' }), 403)
    expect(JSON.stringify(web.logged)).not.toContain(secret)
  })

  test('every change is in the audit with who and what [L4]', async () => {
    const entries = await ok<{ entries?: unknown[] } | unknown[]>(admin.send('GET', '/audit'))
    const text = JSON.stringify(entries)
    for (const action of ['host.create', 'storage.create', 'set.create', 'source.create', 'set.setSchedule', 'user.create']) expect(text, action).toContain(action)
    expect(text).toContain('Ada')
    expect(text).not.toContain('BEGIN OPENSSH')
  })
})

describe('what is saved', () => {
  let web: TestWeb
  let admin: TestClient
  let stage: Stage
  beforeAll(async () => {
    web = await testWeb()
    admin = await web.administrator()
    const owner = await web.person('operator', admin)
    stage = await setStage(web, admin, owner.id)
    await ok(admin.send('POST', '/keys', { name: 'vault-key' }))
  })
  afterAll(() => web[Symbol.asyncDispose]())

  /** Another valid value than the initial one. */
  const otherValue = (name: (typeof settingKeys)[number]): unknown => {
    const definition = settings[name]
    const { initial, schema } = definition
    if (name === 'encryptionKey') return 'vault-key'
    const tries: unknown[] = typeof initial === 'boolean' ? [!initial] : typeof initial === 'number' ? [initial + 1, initial - 1, initial + 4096] : ['fast', 'quick', 'since-full', 'last', 'skip', 'always', 'off', ...('options' in definition ? Object.keys(definition.options) : [])]
    const found = tries.find((value) => value !== initial && schema.safeParse(value).success)
    if (found === undefined) throw new Error(`No other value for ${name}`)
    return found
  }

  test.each([
    ['set', (one: Owned) => `/sets/${one.setId}/settings`],
    ['source', (one: Owned) => `/sources/${one.sourceId}/settings`],
  ] as const)('every setting of a %s is kept, read back identically, and said as a change [B1] [B13] [P6]', async (scope, pathTo) => {
    const path = pathTo(stage.mine)
    for (const name of settingKeys) {
      const definition = settings[name]
      if ('scopes' in definition && !(definition.scopes as readonly string[]).includes(scope)) continue
      const value = otherValue(name)
      const saved = await ok<{ changes: { field: string; before: string; after: string }[] }>(admin.send('PUT', path, { overrides: { [name]: value } }))
      expect(saved.changes.map(({ field }) => field), name).toContain(definition.label)
      const read = await ok<{ values: Record<string, unknown>; origins: Record<string, string> }>(admin.send('GET', path))
      expect(read.values[name], name).toEqual(value)
      expect(read.origins[name], name).toBe(scope)
    }
    await ok(admin.send('PUT', path, { overrides: {} }))
    const { origins } = await ok<{ origins: Record<string, string> }>(admin.send('GET', path))
    expect(Object.values(origins)).not.toContain(scope)
  })

  test('of two people who change a set at the same time the second is told, and undoes nothing unseen [P3]', async () => {
    const path = `/sets/${stage.mine.setId}`
    const { version } = await ok<{ version: number }>(admin.send('GET', path))
    const retention = { keepFulls: 7, keepDays: 60, minimumFulls: 2 }
    await ok(admin.send('PUT', `${path}/retention`, { ...retention, expectedVersion: version }))
    const late = await refused(admin.send('PUT', `${path}/schedule`, { timeZone: 'UTC', cycleDays: 3, slots: [], expectedVersion: version }), 409)
    expect(late).toMatchObject({ code: 'conflict', hint: expect.stringContaining('Reload') as string })
    const now = await ok<{ version: number; retention: object; schedule: { cycleDays: number } }>(admin.send('GET', path))
    expect([now.version, now.retention]).toEqual([version + 1, retention])
    expect(now.schedule.cycleDays).not.toBe(3)
    await ok(admin.send('PUT', `${path}/schedule`, { timeZone: 'UTC', cycleDays: 3, slots: [], expectedVersion: version + 1 }))
    // Who says no version, such as a script, changes whatever it is.
    await ok(admin.send('PUT', `${path}/schedule`, { timeZone: 'UTC', cycleDays: 4, slots: [] }))
  })

  test('a source is read back as it was saved, without its password [B1]', async () => {
    const change = { ...source(stage.mine.setId, stage.hostId, 'mine-db'), connectionHost: 'db.internal', port: 5433, user: 'backer', database: '', binaries: '/usr/lib/postgresql/15/bin', tempDirectory: '/var/tmp/spool', password: 'very secret' }
    const saved = await ok<{ changes: { field: string }[] }>(admin.send('PUT', `/sources/${stage.mine.sourceId}`, change))
    expect(saved.changes.length).toBeGreaterThanOrEqual(5)
    const read = await ok<Record<string, unknown>>(admin.send('GET', `/sources/${stage.mine.sourceId}`))
    const { password: _password, setId: _set, ...fields } = change
    expect(read).toMatchObject({ ...fields, hasPassword: true })
    expect(JSON.stringify(read)).not.toContain('very secret')
    expect(JSON.stringify(await web.db.$queryRawUnsafe('select s::text from "Source" s'))).not.toContain('very secret')
    const again = await ok<{ changes: unknown[] }>(admin.send('PUT', `/sources/${stage.mine.sourceId}`, { ...change, password: undefined }))
    expect(again.changes).toEqual([])
  })

  test('a password and a password file together are refused on the field [B3]', async () => {
    const problem = await refused(admin.send('PUT', `/sources/${stage.mine.sourceId}`, { ...source(stage.mine.setId, stage.hostId, 'mine-db'), password: 'x', passfile: '/home/postgres/.pgpass' }), 400)
    expect(problem.fields?.map(({ path }) => path)).toEqual(['passfile'])
  })

  test('two sources of one host keep separate state, and a changed address keeps it [B12] [B4] [G1] [M4]', async () => {
    const second = await ok<Idd>(admin.send('POST', '/sources', { ...source(stage.mine.setId, stage.hostId, 'second-db'), port: 5434 }))
    await web.db.$transaction((tx) => updateChain(tx, stage.mine.sourceId, { systemIdentifier: '7000000000000000001', needsFullReason: 'The chain has a gap.' }))
    const reasonOf = (id: string) => ok<{ needsFullReason: string | null; systemIdentifier: string | null }>(admin.send('GET', `/sources/${id}`))
    expect(await reasonOf(stage.mine.sourceId)).toMatchObject({ needsFullReason: 'The chain has a gap.', systemIdentifier: '7000000000000000001' })
    expect(await reasonOf(second.id)).toMatchObject({ needsFullReason: null, systemIdentifier: null })
    await ok(admin.send('PUT', `/sources/${stage.mine.sourceId}`, { ...source(stage.mine.setId, stage.hostId, 'mine-db'), connectionHost: '10.0.0.9' }))
    expect(await reasonOf(stage.mine.sourceId)).toMatchObject({ systemIdentifier: '7000000000000000001' })
  })

  test('schedule and retention come back as they were saved, and the schedule is said in words [P7] [I5]', async () => {
    const schedule = { timeZone: 'Europe/Berlin', cycleDays: 14, slots: [{ dayOfWeek: 0, minuteOfDay: 150, level: 'full' }, { dayOfWeek: 3, minuteOfDay: 150, level: 'incremental' }] }
    await ok(admin.send('PUT', `/sets/${stage.mine.setId}/schedule`, schedule))
    await ok(admin.send('PUT', `/sets/${stage.mine.setId}/retention`, { keepFulls: null, keepDays: 21, minimumFulls: 2 }))
    const set = await ok<Record<string, unknown>>(admin.send('GET', `/sets/${stage.mine.setId}`))
    expect(set).toMatchObject({ schedule, retention: { keepFulls: null, keepDays: 21, minimumFulls: 2 } })
    const preview = await ok<{ words: string; nextRuns: unknown[] }>(admin.send('POST', '/schedules/preview', { ...schedule, count: 5 }))
    expect(preview.words).not.toBe('')
    expect(preview.nextRuns).toHaveLength(5)
  })

  test('a run keeps the settings it began with, whatever is edited meanwhile; a second run of its source is refused [I10] [I7]', async () => {
    const { runIds } = await ok<{ runIds: string[] }>(admin.send('POST', `/sets/${stage.other.setId}/backup`, { level: 'full', checkFirst: false }))
    const before = await ok<{ input: unknown }>(admin.send('GET', `/runs/${runIds[0]}`))
    await ok(admin.send('PUT', `/sets/${stage.other.setId}/settings`, { overrides: { workers: 7, compression: 'best' } }))
    const after = await ok<{ input: unknown }>(admin.send('GET', `/runs/${runIds[0]}`))
    expect(after.input).toEqual(before.input)
    expect(JSON.stringify(after.input)).not.toMatch(/BEGIN OPENSSH|very secret/)
    expect(await refused(admin.send('POST', `/sets/${stage.other.setId}/backup`, { level: 'full' }), 409)).toMatchObject({ code: 'already-running' })
  })

  test('what is in use is not removed, and the answer says by what', async () => {
    const problem = await refused(admin.send('DELETE', `/hosts/${stage.hostId}`), 409)
    expect(`${problem.message} ${problem.detail ?? ''}`).toContain('mine-db')
    await refused(admin.send('DELETE', `/storages/${stage.storageId}`), 409)
  })
})

describe('bad input', () => {
  let web: TestWeb
  let admin: TestClient
  beforeAll(async () => {
    web = await testWeb()
    admin = await web.administrator()
  })
  afterAll(() => web[Symbol.asyncDispose]())

  // The session and its user stay, or there would be nobody to go on with.
  const operations = listOperations().filter(({ name }) => !['session.changePassword', 'console.setPreferences', 'user.update', 'token.create', 'user.create'].includes(name))
  const anything = fc.oneof(fc.anything({ maxDepth: 2, withNullPrototype: false }), fc.constantFrom('', '\u0000', '../../etc/passwd', "'; drop table \"Run\"; --", 'a'.repeat(5000), -1, 1e300, [], {}, null))

  test('whatever is sent, every operation answers with what is wrong and never falls over [L9]', { timeout: 120_000 }, async () => {
    const names = ['name', 'id', 'setId', 'hostId', 'sourceId', 'target', 'slots', 'timeZone', 'overrides', 'port', 'address', 'secret', 'destination', 'level', 'sourceIds', 'images', 'keepDays', 'limit', 'before']
    const body = fc.oneof(anything, fc.dictionary(fc.constantFrom(...names), anything, { maxKeys: 6 }))
    const id = fc.constantFrom(randomUUID(), 'x', '%00', '..%2f..', "'", '00000000-0000-0000-0000-000000000000')
    for (const operation of operations) {
      await fc.assert(
        fc.asyncProperty(body, id, async (sent, at) => {
          const { status, body: said, headers } = await send(admin, operation, at, sent ?? {})
          if (status >= 500) throw new Error(`${operation.name} answered ${status}: ${JSON.stringify(said)}`)
          if (status < 400) return
          if (headers.get('content-type') !== 'application/problem+json') throw new Error(`${operation.name} answered ${status} without a problem`)
          const { message, hint } = Problem.parse(said)
          if (message === '' || (hint ?? '') === '') throw new Error(`${operation.name} answered ${status} without saying what to do: ${JSON.stringify(said)}`)
          if (/\n\s+at /.test(JSON.stringify(said))) throw new Error(`${operation.name} shows a stack trace`)
        }),
        { numRuns: 12 },
      )
    }
  })

  test('what is no JSON, too long, or of an unknown path is refused with a hint', async () => {
    expect((await admin.send('GET', '/no-such-thing')).status).toBe(404)
    expect((await admin.send('POST', '/sets', { name: 'x'.repeat(3_000_000) })).status).toBeGreaterThanOrEqual(400)
    const problem = await refused(admin.send('POST', '/sets', { name: '-no' }), 400)
    expect(problem.fields?.[0]).toMatchObject({ path: 'name' })
  })

  test('the document at /openapi.json has every operation with its path, input and answer', async () => {
    const document = await ok<{ openapi: string; paths: Record<string, Record<string, { summary?: string; responses?: object }>> }>(admin.send('GET', '/openapi.json'))
    expect(document.openapi).toMatch(/^3\./)
    for (const { name, method, path } of listOperations()) {
      const operation = document.paths[path]?.[method.toLowerCase()]
      expect(operation, name).toBeDefined()
      expect(operation?.summary, name).not.toBe('')
      expect(Object.keys(operation?.responses ?? {}), name).toContain('200')
    }
  })
})
