/** First start, the signed-in person, users, tokens, audit and what holds for the whole console. */
import * as z from 'zod'
import { Role } from '#lib/domain/role.ts'
import { operation } from './operation.ts'
import { SettingOverrides } from './setting-shapes.ts'
import { Empty, Id, ResolvedSettings, Saved, Time, User } from './shapes.ts'

export const NewPassword = z.string().min(12, 'at least 12 characters').max(200)
const PersonFields = { name: z.string().trim().min(1, 'is required').max(100), email: z.email('an e-mail address').max(200) }
export const FirstStart = z.object({ token: z.string().min(1, 'open the link that `npm run up` printed'), ...PersonFields, password: NewPassword })

export const session = {
  /** Whether the first administrator is still to be made, and who is signed in. */
  status: operation('GET', '/session', 'public', 'Who is signed in').output(z.object({ needsFirstStart: z.boolean(), user: User.nullable(), version: z.string(), preferences: z.object({ sessionTimeoutMinutes: z.int(), timeZone: z.string() }).nullable() })),
  firstStart: operation('POST', '/first-start', 'public', 'Create the administrator').input(FirstStart).output(Empty),
  changePassword: operation('POST', '/session/password', 'self', 'Change the own password').input(z.object({ current: z.string().min(1), next: NewPassword })).output(Empty),
}

export const users = {
  list: operation('GET', '/users', 'admin', 'List users').output(z.array(User)),
  create: operation('POST', '/users', 'admin', 'Add a user').input(z.object({ ...PersonFields, role: Role, password: NewPassword })).output(User),
  /** The last active administrator can be neither demoted nor deactivated. */
  update: operation('PUT', '/users/{id}', 'admin', 'Change a user').input(z.object({ id: z.string(), name: PersonFields.name, role: Role, isActive: z.boolean(), password: NewPassword.optional() })).output(User),
}

export const Token = z.object({ id: Id, name: z.string(), userName: z.string(), createdAt: Time, expiresAt: Time.nullable(), lastUsedAt: Time.nullable() })
export const tokens = {
  list: operation('GET', '/tokens', 'self', 'List the own API tokens').output(z.array(Token)),
  /** `secret` is shown this once. */
  create: operation('POST', '/tokens', 'self', 'Make an API token').input(z.object({ name: z.string().trim().min(1, 'is required').max(60), expiresInDays: z.int().min(1).max(3650).nullable().default(null) })).output(Token.extend({ secret: z.string() })),
  remove: operation('DELETE', '/tokens/{id}', 'self', 'Revoke an API token').input(z.object({ id: Id })).output(Empty),
}

export const console_ = {
  preferences: operation('GET', '/preferences', 'read', 'Preferences of the console').output(z.object({ sessionTimeoutMinutes: z.int(), timeZone: z.string(), settings: ResolvedSettings })),
  setPreferences: operation('PUT', '/preferences', 'admin', 'Change preferences and global settings').input(z.object({ sessionTimeoutMinutes: z.int().min(0).max(300), timeZone: z.string().min(1).max(64), overrides: SettingOverrides })).output(Saved),
  audit: operation('GET', '/audit', 'admin', 'What was changed, run, restored and deleted, and by whom').input(z.object({ before: z.coerce.number().int().optional(), limit: z.coerce.number().int().min(1).max(500).default(100) })).output(z.object({ entries: z.array(z.object({ seq: z.int(), at: Time, actorName: z.string(), action: z.string(), subject: z.string(), detail: z.string().nullable(), hash: z.string() })), intact: z.boolean() })),
}
