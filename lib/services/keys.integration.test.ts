// Encryption keys over the API and a real catalog: made, imported, rotated, exported to one role only, and nowhere to be read.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ExportedKey, Key } from '#lib/contract/keys.ts'
import { sealBytes } from '#lib/image/age-header.ts'
import { ok, refused, testWeb, type TestClient, type TestWeb } from '#scripts/test-web.ts'

let web: TestWeb
let admin: TestClient
let folder = ''
beforeAll(async () => {
  web = await testWeb()
  admin = await web.administrator()
  folder = mkdtempSync(join(tmpdir(), 'howdah-keys-'))
})
afterAll(async () => {
  await web[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const list = (): Promise<Key[]> => ok<Key[]>(admin.send('GET', '/keys'))
const named = async (name: string): Promise<Key> => {
  const key = (await list()).find((one) => one.name === name)
  if (key === undefined) throw new Error(`There is no key ${name}`)
  return key
}
const exported = (id: string): Promise<ExportedKey> => ok<ExportedKey>(admin.send('POST', `/keys/${id}/export`))

/** What age-keygen writes. */
function keygen(): { text: string; identity: string } {
  const path = join(folder, `key-${Math.random()}.txt`)
  execFileSync('age-keygen', ['-o', path], { stdio: 'ignore' })
  const text = readFileSync(path, 'utf8')
  return { text, identity: /AGE-SECRET-KEY-1\S+/.exec(text)?.[0] ?? '' }
}

test('encryption is refused while there is no key, and the answer says where to make one [P4] [B7]', async () => {
  const set = await ok<{ id: string }>(admin.send('POST', '/sets', { name: 'early' }))
  const problem = await refused(admin.send('PUT', `/sets/${set.id}/settings`, { overrides: { encryption: 'host' } }), 400)
  expect(problem).toMatchObject({ hint: expect.stringContaining('Admin ▸ Keys') as string, fields: [{ path: 'overrides.encryption' }] })
})

test('the first key is the default one, its kit opens what is encrypted for it with age alone, and its export is audited [L8] [L4] [P14]', async () => {
  const made = await ok<Key>(admin.send('POST', '/keys', { name: 'first', comment: 'of this year' }))
  expect(made).toMatchObject({ name: 'first', isDefault: true, kitConfirmedAt: null, retiredAt: null, images: 0, chosenBy: [] })
  const kit = await exported(made.id)
  writeFileSync(join(folder, 'key.txt'), kit.text, { mode: 0o600 })
  const file = sealBytes(Buffer.from('an image'), [made.recipient])
  expect(execFileSync('age', ['-d', '-i', join(folder, 'key.txt')], { input: file }).toString()).toBe('an image')
  expect(execFileSync('age-keygen', ['-y', join(folder, 'key.txt')]).toString().trim()).toBe(made.recipient)
  const { entries } = await ok<{ entries: { action: string; subject: string; actorName: string }[] }>(admin.send('GET', '/audit'))
  expect(entries[0]).toMatchObject({ action: 'key.export', subject: 'first', actorName: 'Ada' })
  expect(await ok<Key>(admin.send('POST', `/keys/${made.id}/confirm-kit`))).toMatchObject({ kitConfirmedBy: 'Ada', kitConfirmedAt: expect.any(String) as string })
})

test('nobody but an administrator is shown an identity, and every role may see what is encrypted for whom [L1] [A7]', async () => {
  const { id } = await named('first')
  for (const role of ['operator', 'monitor', 'restore-only'] as const) {
    const person = await web.person(role, admin)
    await refused(person.send('POST', `/keys/${id}/export`), 403)
    const seen = JSON.stringify(await ok(person.send('GET', '/keys')))
    expect(seen).toContain('age1')
    expect(seen).not.toMatch(/AGE-SECRET|[sS]ealed/)
  }
})

test('an identity made elsewhere is imported from its key file, once, and nonsense is refused without being repeated [L8] [L9]', async () => {
  const { text, identity } = keygen()
  const imported = await ok<Key>(admin.send('POST', '/keys/import', { name: 'elsewhere', identity: text }))
  expect(imported).toMatchObject({ isImported: true, isDefault: false, kitConfirmedAt: expect.any(String) as string })
  expect(execFileSync('age-keygen', ['-y'], { input: text }).toString().trim()).toBe(imported.recipient)
  expect((await exported(imported.id)).identity).toBe(identity)
  expect(await refused(admin.send('POST', '/keys/import', { name: 'again', identity }), 400)).toMatchObject({ message: expect.stringContaining('elsewhere') as string })
  const wrong = `${identity.slice(0, -1)}${identity.endsWith('Q') ? 'P' : 'Q'}`
  for (const nonsense of [wrong, 'AGE-SECRET-KEY-1QQQ', 'hunter2', imported.recipient]) {
    const problem = await refused(admin.send('POST', '/keys/import', { name: 'nonsense', identity: nonsense }), 400)
    expect(problem.fields?.[0]?.path).toBe('identity')
    expect(JSON.stringify(problem)).not.toContain(nonsense)
  }
  await refused(admin.send('POST', '/keys', { name: 'first' }), 400)
})

test('a key that is in use is retired only for another one, which takes its place everywhere, and older images keep it [L8]', async () => {
  const set = await ok<{ id: string }>(admin.send('POST', '/sets', { name: 'nightly' }))
  await ok(admin.send('PUT', `/sets/${set.id}/settings`, { overrides: { encryption: 'host', encryptionKey: 'first' } }))
  const [first, elsewhere] = [await named('first'), await named('elsewhere')]
  expect(first.chosenBy).toEqual(['set nightly'])
  expect(await refused(admin.send('POST', `/keys/${first.id}/retire`, {}), 400)).toMatchObject({ message: expect.stringContaining('set nightly') as string })
  await refused(admin.send('POST', `/keys/${first.id}/retire`, { replacementId: first.id }), 400)
  const saved = await ok<{ changes: unknown[]; notice: string }>(admin.send('POST', `/keys/${first.id}/retire`, { replacementId: elsewhere.id }))
  expect(saved.changes).toHaveLength(2)
  expect(await named('first')).toMatchObject({ isDefault: false, retiredAt: expect.any(String) as string, chosenBy: [] })
  expect(await named('elsewhere')).toMatchObject({ isDefault: true, chosenBy: ['set nightly'] })
  expect(await ok<{ values: object }>(admin.send('GET', `/sets/${set.id}/settings`))).toMatchObject({ values: { encryption: 'host', encryptionKey: 'elsewhere' } })
  // It opens what it wrote as ever, and is chosen for nothing new.
  expect((await exported(first.id)).recipient).toBe(first.recipient)
  await refused(admin.send('PUT', `/sets/${set.id}/settings`, { overrides: { encryption: 'host', encryptionKey: 'first' } }), 400)
  await refused(admin.send('POST', `/keys/${first.id}/make-default`), 409)
  await ok(admin.send('POST', `/keys/${first.id}/activate`))
  expect(await ok<Key>(admin.send('POST', `/keys/${first.id}/make-default`))).toMatchObject({ isDefault: true, retiredAt: null })
  expect((await list()).filter((key) => key.isDefault)).toHaveLength(1)
})

test('a run is frozen with the recipient of its key, and never with its identity [I10] [A7]', async () => {
  const set = await ok<{ id: string }>(admin.send('POST', '/sets', { name: 'frozen' }))
  const host = await ok<{ id: string }>(admin.send('POST', '/hosts', { name: 'db-01', address: '127.0.0.1', port: 22, user: 'postgres', secret: { signIn: 'password', password: 'x' } }))
  const source = await ok<{ id: string }>(admin.send('POST', '/sources', { setId: set.id, hostId: host.id, name: 'db', dataDirectory: '/data', archiveDirectory: '/archive', connectionHost: '/run', port: 5432, user: 'postgres', database: '', passfile: null, binaries: null, tempDirectory: null, password: null }))
  await ok(admin.send('PUT', `/sources/${source.id}/settings`, { overrides: { encryption: 'console' } }))
  const { runId } = await ok<{ runId: string }>(admin.send('POST', `/sources/${source.id}/check`, {}))
  const { recipient, id } = await named('first')
  const run = await ok<{ input: unknown }>(admin.send('GET', `/runs/${runId}`))
  expect(run.input).toMatchObject({ source: { encryption: { where: 'console', keyId: id, keyName: 'first', recipient } } })
  expect(JSON.stringify(run)).not.toContain('AGE-SECRET')
})

test('no identity is in the catalog in clear, in the audit or in the log [A7]', async () => {
  const secrets = await Promise.all((await list()).map(async ({ id }) => (await exported(id)).identity))
  const rows = await web.db.$queryRawUnsafe<object[]>('select k::text from "EncryptionKey" k union all select a::text from "AuditEntry" a union all select r::text from "Run" r')
  const everything = `${JSON.stringify(rows)}${web.logged.join('\n')}`
  expect(secrets).toHaveLength(2)
  expect(everything).toContain('key.export')
  for (const secret of secrets) expect(everything).not.toContain(secret)
  expect(everything).not.toContain('AGE-SECRET-KEY-')
})
