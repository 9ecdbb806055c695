/** Passwords as better-auth hashes them (scrypt), so that its sign-in accepts the users that our own use cases make. */
import { hashPassword, verifyPassword } from 'better-auth/crypto'
import type { Passwords } from '#lib/services/console.ts'

export const passwords: Passwords = { hash: (password) => hashPassword(password), verify: (password, hash) => verifyPassword({ password, hash }) }
