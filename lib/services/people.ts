/** First start, the signed-in person, users, and API tokens. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { TokenRow, UserRow } from '#lib/db/users.ts'
import { describeChanges, type ChangeLabels } from '#lib/domain/change.ts'
import { problem } from '#lib/domain/problem.ts'
import { roleWords, type Role } from '#lib/domain/role.ts'
import { changesInWords, record } from './audit.ts'
import type { Actor, Console } from './console.ts'
import { found, invalid, iso, isoOrNull } from './invalid.ts'
import type { Input, Output } from './shapes.ts'

const shown = (user: UserRow): Output<'user', 'create'> => ({ id: user.id, name: user.name, email: user.email, role: user.role, isActive: user.isActive, createdAt: iso(user.createdAt), lastSeenAt: isoOrNull(user.lastSeenAt) })

export async function sessionStatus({ db, version }: Console, actor: Actor | null): Promise<Output<'session', 'status'>> {
  const [users, user, preferences] = await Promise.all([db.users.countUsers(), actor?.id ? db.users.findUser(actor.id) : null, db.preferences.findPreferences()])
  const { sessionTimeoutMinutes, timeZone } = preferences
  return { needsFirstStart: users === 0, user: user === null ? null : shown(user), version, preferences: user === null ? null : { sessionTimeoutMinutes, timeZone } }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const isSame = (a: string, b: string): boolean => timingSafeEqual(Buffer.from(sha256(a)), Buffer.from(sha256(b)))

/** Makes the administrator, once: the token of this start is void afterwards, and where a user exists there is no first start. */
export async function firstStart(console: Console, _actor: Actor | null, input: Input<'session', 'firstStart'>): Promise<Record<string, never>> {
  const done = problem('conflict', 'Howdah has its administrator already', { hint: 'Sign in. Only an administrator adds users, in Admin ▸ Users.' })
  if ((await console.db.users.countUsers()) > 0) throw done
  const token = await console.setup.read()
  if (token === null || !isSame(token, input.token)) throw invalid('token', 'The link of the first start is not valid', 'Open the link that `npm run up` printed last; every start prints a new one until the administrator exists.')
  const passwordHash = await console.passwords.hash(input.password)
  await console.db.transaction(async (db) => {
    await db.users.lockUsers()
    if ((await db.users.countUsers()) > 0) throw done
    const user = await db.users.insertUser({ name: input.name, email: input.email.toLowerCase(), role: 'administrator', passwordHash })
    await record(db, console, user, { action: 'session.firstStart', subject: user.name, subjectId: user.id, detail: 'The first administrator' })
  })
  await console.setup.remove()
  return {}
}

/** Ends the person's other sessions. */
export async function changePassword(console: Console, actor: Actor | null, input: Input<'session', 'changePassword'>): Promise<Record<string, never>> {
  if (!actor?.id) throw problem('not-signed-in', 'Nobody is signed in')
  const { id } = actor
  const hash = await console.db.users.findPasswordHash(id)
  if (hash === null || !(await console.passwords.verify(input.current, hash))) throw invalid('current', 'The current password is wrong')
  const next = await console.passwords.hash(input.next)
  await console.db.transaction(async (db) => {
    await db.users.updatePasswordHash(id, next)
    await db.users.removeSessions(id, actor.sessionId ?? undefined)
    await record(db, console, actor, { action: 'session.changePassword', subject: actor.name, subjectId: id })
  })
  return {}
}

export const listUsers = async ({ db }: Console): Promise<Output<'user', 'list'>> => (await db.users.listUsers()).map(shown)

export async function createUser(console: Console, actor: Actor, input: Input<'user', 'create'>): Promise<Output<'user', 'create'>> {
  const email = input.email.toLowerCase()
  if ((await console.db.users.findUserIdByEmail(email)) !== null) throw invalid('email', 'Another user has this e-mail address')
  const passwordHash = await console.passwords.hash(input.password)
  return console.db.transaction(async (db) => {
    const user = await db.users.insertUser({ name: input.name, email, role: input.role, passwordHash })
    await record(db, console, actor, { action: 'user.create', subject: user.name, subjectId: user.id, detail: `${email}, ${roleWords[user.role]}` })
    return shown(user)
  })
}

const userLabels: ChangeLabels<{ name: string; role: Role; isActive: boolean; password: string }> = { name: 'Name', role: { label: 'Role', say: (role) => roleWords[role] }, isActive: 'Active', password: 'Password' }

/** A new password, another role or the end of a user ends the user's sessions. */
export async function updateUser(console: Console, actor: Actor, input: Input<'user', 'update'>): Promise<Output<'user', 'update'>> {
  const before = found(await console.db.users.findUser(input.id), 'user')
  const passwordHash = input.password === undefined ? null : await console.passwords.hash(input.password)
  return console.db.transaction(async (db) => {
    await db.users.lockUsers()
    const user = await db.users.updateUser(input.id, { name: input.name, role: input.role, isActive: input.isActive })
    if ((await db.users.countActiveAdministrators()) === 0) throw invalid(input.isActive ? 'role' : 'isActive', `${before.name} is the last active administrator`, 'Make another user an administrator first.')
    if (passwordHash !== null) await db.users.updatePasswordHash(input.id, passwordHash)
    if (passwordHash !== null || !input.isActive || input.role !== before.role) await db.users.removeSessions(input.id, actor.id === input.id ? (actor.sessionId ?? undefined) : undefined)
    const changes = describeChanges({ ...before, password: 'kept' }, { ...user, password: passwordHash === null ? 'kept' : 'a new one' }, userLabels)
    await record(db, console, actor, { action: 'user.update', subject: user.name, subjectId: user.id, detail: changesInWords(changes) })
    return shown(user)
  })
}

const shownToken = (token: TokenRow): Output<'token', 'list'>[number] => ({ id: token.id, name: token.name, userName: token.userName, createdAt: iso(token.createdAt), expiresAt: isoOrNull(token.expiresAt), lastUsedAt: isoOrNull(token.lastUsedAt) })

const selfId = (actor: Actor): string => {
  if (actor.id === null) throw problem('forbidden', 'The console itself has no API tokens')
  return actor.id
}

export const listTokens = async ({ db }: Console, actor: Actor): Promise<Output<'token', 'list'>> => (await db.users.listTokens(selfId(actor))).map(shownToken)

/** Only the sha256 of a token is kept. */
export const tokenDigest = sha256

export async function createToken(console: Pick<Console, 'db' | 'now'>, actor: Actor, input: Input<'token', 'create'>): Promise<Output<'token', 'create'>> {
  const userId = selfId(actor)
  const secret = `hwd_${randomBytes(32).toString('base64url')}`
  const createdAt = console.now()
  const expiresAt = input.expiresInDays === null ? null : new Date(createdAt.getTime() + input.expiresInDays * 86_400_000)
  if ((await console.db.users.listTokens(userId)).some((token) => token.name === input.name)) throw invalid('name', `You have a token named ${input.name} already`, 'Choose another name, or revoke that one.')
  return console.db.transaction(async (db) => {
    const token = await db.users.insertToken({ userId, name: input.name, sha256: tokenDigest(secret), createdAt, expiresAt })
    await record(db, console, actor, { action: 'token.create', subject: token.name, subjectId: token.id })
    return { ...shownToken(token), secret }
  })
}

export async function removeToken(console: Console, actor: Actor, { id }: Input<'token', 'remove'>): Promise<Record<string, never>> {
  await console.db.transaction(async (db) => {
    const token = found(await db.users.removeToken(selfId(actor), id), 'token of yours')
    await record(db, console, actor, { action: 'token.remove', subject: token.name, subjectId: id })
  })
  return {}
}
