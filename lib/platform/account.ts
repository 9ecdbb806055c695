// Who runs the embedded catalog: PostgreSQL refuses root, so root's rights are dropped to an account that exists everywhere.
import { readFile } from 'node:fs/promises'
import type { Account } from './home.ts'

/** Pure: `postgres` if there is such a user, else `nobody`; the lines are /etc/passwd's. */
export function pickAccount(passwd: string): Account | undefined {
  const accounts = passwd.split('\n').flatMap((line): Account[] => {
    const [name, , uid, gid] = line.split(':')
    return name !== undefined && /^\d+$/.test(uid ?? '') && /^\d+$/.test(gid ?? '') ? [{ name, uid: Number(uid), gid: Number(gid) }] : []
  })
  return accounts.find(({ name }) => name === 'postgres') ?? accounts.find(({ name }) => name === 'nobody')
}

/** The account to drop to, or undefined when this is no root and nothing is to be dropped. */
export async function catalogAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const account = pickAccount(await readFile('/etc/passwd', 'utf8'))
  if (account === undefined) throw new Error('/etc/passwd knows neither the user postgres nor nobody; one is needed to run the catalog without root')
  return account
}
