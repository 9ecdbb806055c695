/** People, their sessions and their API tokens. Sessions are made by better-auth (lib/http); here they are looked at and ended. */
import { randomUUID } from 'node:crypto'
import type { Role } from '#lib/domain/role.ts'
import type { Tx } from './client.ts'
import { plain, underscored, type Plain } from './plain.ts'
import type { ApiToken, User } from './generated/client.ts'

export type UserRow = Plain<User> & { lastSeenAt: Date | null }

const withLastSeen = { sessions: { select: { updatedAt: true }, orderBy: { updatedAt: 'desc' }, take: 1 }, tokens: { select: { lastUsedAt: true }, where: { lastUsedAt: { not: null } }, orderBy: { lastUsedAt: 'desc' }, take: 1 } } as const

type WithLastSeen = User & { sessions: { updatedAt: Date }[]; tokens: { lastUsedAt: Date | null }[] }

function userRow({ sessions, tokens, ...user }: WithLastSeen): UserRow {
  const times = [sessions[0]?.updatedAt, tokens[0]?.lastUsedAt].filter((time) => time instanceof Date)
  return { ...plain(user), lastSeenAt: times.toSorted((a, b) => b.getTime() - a.getTime())[0] ?? null }
}

export async function listUsers(db: Tx): Promise<UserRow[]> {
  return (await db.user.findMany({ include: withLastSeen, orderBy: { name: 'asc' } })).map(userRow)
}

export async function findUser(db: Tx, id: string): Promise<UserRow | null> {
  const user = await db.user.findUnique({ where: { id }, include: withLastSeen })
  return user === null ? null : userRow(user)
}

export const countUsers = (db: Tx): Promise<number> => db.user.count()

export const findUserIdByEmail = async (db: Tx, email: string): Promise<string | null> => (await db.user.findUnique({ where: { email }, select: { id: true } }))?.id ?? null

/** Serialises what must count users before it changes them; held until the transaction ends. */
export async function lockUsers(db: Tx): Promise<void> {
  await db.$executeRaw`lock table "User" in share row exclusive mode`
}

export const countActiveAdministrators = (db: Tx): Promise<number> => db.user.count({ where: { role: 'administrator', isActive: true } })

/** `passwordHash` as better-auth makes it; the account row is the one its sign-in reads. */
export async function insertUser(db: Tx, user: { name: string; email: string; role: Role; passwordHash: string }): Promise<UserRow> {
  const id = randomUUID()
  const account = { id: randomUUID(), accountId: id, providerId: 'credential', password: user.passwordHash }
  return userRow(await db.user.create({ data: { id, name: user.name, email: user.email, role: underscored(user.role), emailVerified: true, accounts: { create: account } }, include: withLastSeen }))
}

export async function updateUser(db: Tx, id: string, change: { name: string; role: Role; isActive: boolean }): Promise<UserRow> {
  return userRow(await db.user.update({ where: { id }, data: { name: change.name, role: underscored(change.role), isActive: change.isActive }, include: withLastSeen }))
}

export async function findPasswordHash(db: Tx, userId: string): Promise<string | null> {
  return (await db.account.findFirst({ where: { userId, providerId: 'credential' }, select: { password: true } }))?.password ?? null
}

export async function updatePasswordHash(db: Tx, userId: string, password: string): Promise<void> {
  await db.account.updateMany({ where: { userId, providerId: 'credential' }, data: { password } })
}

/** Ends every session of a user, except one. */
export async function removeSessions(db: Tx, userId: string, exceptId?: string): Promise<void> {
  await db.session.deleteMany({ where: { userId, ...(exceptId === undefined ? {} : { id: { not: exceptId } }) } })
}

export async function removeSession(db: Tx, id: string): Promise<void> {
  await db.session.deleteMany({ where: { id } })
}

export async function touchSession(db: Tx, id: string, at: Date): Promise<void> {
  await db.session.updateMany({ where: { id }, data: { updatedAt: at } })
}

export type TokenRow = ApiToken & { userName: string }
const tokenRow = ({ user, ...token }: ApiToken & { user: { name: string } }): TokenRow => ({ ...token, userName: user.name })
const withUserName = { user: { select: { name: true } } } as const

export async function listTokens(db: Tx, userId: string): Promise<TokenRow[]> {
  return (await db.apiToken.findMany({ where: { userId }, include: withUserName, orderBy: { createdAt: 'asc' } })).map(tokenRow)
}

export async function insertToken(db: Tx, token: { userId: string; name: string; sha256: string; createdAt: Date; expiresAt: Date | null }): Promise<TokenRow> {
  return tokenRow(await db.apiToken.create({ data: token, include: withUserName }))
}

/** Answers the removed token, or null when the user has none of this id. */
export async function removeToken(db: Tx, userId: string, id: string): Promise<TokenRow | null> {
  const token = await db.apiToken.findFirst({ where: { id, userId }, include: withUserName })
  if (token === null) return null
  await db.apiToken.deleteMany({ where: { id } })
  return tokenRow(token)
}

/** The user of a token that is not over; notes its use once a minute. */
export async function findUserByToken(db: Tx, sha256: string, at: Date): Promise<UserRow | null> {
  const token = await db.apiToken.findUnique({ where: { sha256 }, include: { user: { include: withLastSeen } } })
  if (token === null || (token.expiresAt !== null && token.expiresAt <= at)) return null
  if (token.lastUsedAt === null || at.getTime() - token.lastUsedAt.getTime() > 60_000) await db.apiToken.update({ where: { id: token.id }, data: { lastUsedAt: at } })
  return userRow(token.user)
}
