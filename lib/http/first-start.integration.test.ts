// The first start and the sessions that follow: who becomes administrator, who is let in, and when a session ends.
import { expect, test } from 'vitest'
import { address, ok, password, refused, testWeb } from '#scripts/test-web.ts'

test('the first start asks for an administrator, and no credential exists before it [L2]', async () => {
  await using host = await testWeb()
  const visitor = host.client()
  expect(await ok(visitor.send('GET', '/session'))).toMatchObject({ needsFirstStart: true, user: null, preferences: null })
  expect(await host.db.user.count()).toBe(0)
  expect(await host.db.apiToken.count()).toBe(0)
  for (const [email, secret] of [['admin', 'admin'], ['admin@example.com', 'admin'], ['admin@example.com', 'howdah'], ['root@localhost', '']] as const) expect((await visitor.signIn(email, secret)).status).toBeGreaterThanOrEqual(400)
  const input = { name: 'Ada', email: 'Ada@Example.com', password }
  expect(await refused(visitor.send('POST', '/first-start', { ...input, token: 'guessed' }), 400)).toMatchObject({ code: 'invalid-input', fields: [{ path: 'token' }] })
  expect(await host.db.user.count()).toBe(0)
  for (const path of ['sign-up/email', 'get-session', 'update-user', 'change-password', 'reset-password', 'sign-in/social']) {
    const answer = await host.web.sessions(new Request(`${address}/api/auth/${path}`, { method: 'POST', headers: { origin: address, 'content-type': 'application/json' }, body: JSON.stringify(input) }))
    expect(answer.status, path).toBe(404)
  }

  await ok(visitor.send('POST', '/first-start', { ...input, token: host.setupToken }))
  expect(await ok(visitor.send('GET', '/session'))).toMatchObject({ needsFirstStart: false, user: null })
  await ok(visitor.signIn('ada@example.com', password))
  expect(await ok(visitor.send('GET', '/session'))).toMatchObject({ user: { name: 'Ada', email: 'ada@example.com', role: 'administrator', isActive: true }, preferences: { sessionTimeoutMinutes: 15 } })
})

test('the setup token is void after its first use, and of two first starts at once one wins [L2]', async () => {
  await using host = await testWeb()
  const visitor = host.client()
  const start = (email: string) => visitor.send('POST', '/first-start', { token: host.setupToken, name: 'A', email, password })
  const answers = await Promise.all([start('a@example.com'), start('b@example.com')])
  expect(answers.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([200, 409])
  expect(await refused(start('c@example.com'), 409)).toMatchObject({ code: 'conflict' })
  expect(await host.db.user.count()).toBe(1)
})

test('the password of a new user has at least twelve characters', async () => {
  await using host = await testWeb()
  const problem = await refused(host.client().send('POST', '/first-start', { token: host.setupToken, name: 'Ada', email: 'ada@example.com', password: 'short' }), 400)
  expect(problem.fields).toEqual([{ path: 'password', message: 'at least 12 characters' }])
})

test('a session ends on the server when nothing was touched for the time of the preferences [L3]', async () => {
  await using host = await testWeb()
  const ada = await host.administrator()
  const begun = Date.now()
  const after = (minutes: number): void => void (host.clock.now = new Date(begun + minutes * 60_000))
  after(14)
  await ok(ada.send('GET', '/hosts'))
  after(28)
  await ok(ada.send('GET', '/hosts'))
  after(44)
  expect(await refused(ada.send('GET', '/hosts'), 401)).toMatchObject({ code: 'not-signed-in' })
  expect(await host.db.session.count()).toBe(0)
  host.clock.now = new Date(begun)
  await refused(ada.send('GET', '/hosts'), 401)
})

test('a page that refreshes itself does not keep a session alive [L3]', async () => {
  await using host = await testWeb()
  const ada = await host.administrator()
  const begun = Date.now()
  for (const minutes of [5, 10, 14]) {
    host.clock.now = new Date(begun + minutes * 60_000)
    await ok(ada.send('GET', '/overview', undefined, { 'howdah-idle-seconds': String(minutes * 60) }))
  }
  host.clock.now = new Date(begun + 16 * 60_000)
  await refused(ada.send('GET', '/overview', undefined, { 'howdah-idle-seconds': '960' }), 401)
})

test('the timeout is 0 to 300 minutes; 0 lasts until the browser closes [L3]', async () => {
  await using host = await testWeb()
  const ada = await host.administrator()
  const preferences = (sessionTimeoutMinutes: number) => ada.send('PUT', '/preferences', { sessionTimeoutMinutes, timeZone: 'UTC', overrides: {} })
  for (const minutes of [-1, 301, 1.5]) await refused(preferences(minutes), 400)
  await ok(preferences(0))
  host.clock.now = new Date(Date.now() + 20 * 3600_000)
  await ok(ada.send('GET', '/hosts'))
  const signedIn = await host.client().signIn('ada@example.com', password)
  const [cookie = ''] = signedIn.headers.getSetCookie().filter((line) => line.includes('session_token'))
  expect(cookie).toMatch(/HttpOnly/i)
  expect(cookie).toMatch(/SameSite=Lax/i)
  expect(cookie).not.toMatch(/Max-Age|Expires/i)
})

test('guessing a password is braked, for that address and not for others [L3]', async () => {
  await using host = await testWeb()
  const ada = await host.administrator()
  await host.person('monitor', ada)
  const thief = host.client()
  for (let tries = 0; tries < 10; tries += 1) expect((await thief.signIn('ada@example.com', `wrong ${tries}`)).status).toBe(401)
  const braked = await thief.signIn('ada@example.com', password)
  expect(braked.status).toBe(429)
  expect(Number(braked.headers.get('retry-after'))).toBeGreaterThan(0)
  await ok(thief.signIn('monitor-1@example.com', password))
})

test('what a foreign page sends with the cookie of a person is refused [L7]', async () => {
  await using host = await testWeb()
  const ada = await host.administrator()
  const create = (headers: Record<string, string>) => ada.send('POST', '/sets', { name: 'made' }, headers)
  for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:7801', 'not an origin']) expect(await refused(create({ origin }), 403)).toMatchObject({ code: 'forbidden' })
  const bare = new Request(`${address}/api/v1/sets`, { method: 'POST', headers: { cookie: ada.cookie(), 'content-type': 'application/json' }, body: '{"name":"made"}' })
  expect((await host.web.api(bare)).status).toBe(403)
  const form = new Request(`${address}/api/v1/sets`, { method: 'POST', headers: { cookie: ada.cookie(), origin: address, 'content-type': 'application/x-www-form-urlencoded' }, body: 'name=made' })
  expect((await host.web.api(form)).status).toBe(400)
  expect(await host.db.backupSet.count()).toBe(0)
  const foreignSignIn = await host.web.sessions(new Request(`${address}/api/auth/sign-in/email`, { method: 'POST', headers: { origin: 'https://evil.example', 'content-type': 'application/json' }, body: JSON.stringify({ email: 'ada@example.com', password }) }))
  expect(foreignSignIn.status).toBe(403)
  await ok(create({ origin: address }))
})

test('signing out ends the session on the server', async () => {
  await using host = await testWeb()
  const ada = await host.administrator()
  const stolen = ada.cookie()
  await ok(ada.signOut())
  expect(await host.db.session.count()).toBe(0)
  const again = await host.web.api(new Request(`${address}/api/v1/hosts`, { headers: { cookie: stolen } }))
  expect(again.status).toBe(401)
})

test('a deactivated user is out at once and cannot sign in; the last administrator stays', async () => {
  await using host = await testWeb()
  const ada = await host.administrator()
  const bob = await host.person('operator', ada)
  const cyd = await host.person('administrator', ada)
  await ok(bob.send('GET', '/hosts'))
  await ok(ada.send('PUT', `/users/${bob.id}`, { name: 'Bob', role: 'operator', isActive: false }))
  await refused(bob.send('GET', '/hosts'), 401)
  expect((await bob.signIn('operator-1@example.com', password)).status).toBe(403)
  const [me] = (await ok<{ id: string; email: string }[]>(ada.send('GET', '/users'))).filter((user) => user.email === 'ada@example.com')
  await ok(ada.send('PUT', `/users/${cyd.id}`, { name: 'Cyd', role: 'monitor', isActive: true }))
  expect(await refused(ada.send('PUT', `/users/${me?.id}`, { name: 'Ada', role: 'monitor', isActive: true }), 400)).toMatchObject({ message: 'Ada is the last active administrator' })
  expect(await refused(ada.send('PUT', `/users/${me?.id}`, { name: 'Ada', role: 'administrator', isActive: false }), 400)).toMatchObject({ fields: [{ path: 'isActive' }] })
})

test('a new password ends the other sessions, and the old one is void', async () => {
  await using host = await testWeb()
  const ada = await host.administrator()
  const elsewhere = host.client()
  await ok(elsewhere.signIn('ada@example.com', password))
  expect(await refused(ada.send('POST', '/session/password', { current: 'no', next: 'another long password' }), 400)).toMatchObject({ fields: [{ path: 'current' }] })
  await ok(ada.send('POST', '/session/password', { current: password, next: 'another long password' }))
  await refused(elsewhere.send('GET', '/hosts'), 401)
  await ok(ada.send('GET', '/hosts'))
  expect((await host.client().signIn('ada@example.com', password)).status).toBe(401)
  await ok(host.client().signIn('ada@example.com', 'another long password'))
})

test('an API token acts as its user until it is revoked or expires, and only its digest is kept [A7]', async () => {
  await using host = await testWeb()
  const ada = await host.administrator()
  const made = await ok<{ id: string; secret: string }>(ada.send('POST', '/tokens', { name: 'ci', expiresInDays: 1 }))
  expect(made.secret).toMatch(/^hwd_[\w-]{43}$/)
  expect(JSON.stringify(await host.db.apiToken.findMany())).not.toContain(made.secret)
  expect(JSON.stringify(await ok(ada.send('GET', '/tokens')))).not.toContain(made.secret)
  const program = host.client({ token: made.secret })
  expect(await ok(program.send('GET', '/session'))).toMatchObject({ user: { name: 'Ada' } })
  await ok(program.send('POST', '/sets', { name: 'by-token' }))
  await refused(ada.send('POST', '/tokens', { name: 'ci' }), 400)
  host.clock.now = new Date(Date.now() + 25 * 3600_000)
  await refused(program.send('GET', '/hosts'), 401)
  host.clock.now = null
  await ok(ada.send('DELETE', `/tokens/${made.id}`))
  await refused(program.send('GET', '/hosts'), 401)
  await refused(host.client({ token: 'hwd_0000000000000000000000000000000000000000000' }).send('GET', '/session'), 401)
})
