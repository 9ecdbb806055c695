// The first start: a one-time token lets whoever can read the console's own files make the administrator, and nobody else.
import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import { readIfThere } from '#lib/platform/files.ts'
import type { Home } from '#lib/platform/home.ts'

/** The file is handed to the web as HOWDAH_SETUP_TOKEN_FILE: mode 0600, 32 random bytes as base64url. */
export const setupTokenFile = (home: Home): string => join(home.secrets, 'setup-token')

const form = /^[A-Za-z0-9_-]{43}$/

/** The token as long as there is no user, made if it is missing; undefined afterwards, when the file is of no more use and removed. */
export async function setupToken(home: Home, databaseUrl: string): Promise<string | undefined> {
  const path = setupTokenFile(home)
  if (await hasUser(databaseUrl)) {
    await rm(path, { force: true })
    return undefined
  }
  const there = (await readIfThere(path))?.trim() ?? ''
  if (form.test(there)) return there
  const token = randomBytes(32).toString('base64url')
  await writeFile(path, token, { mode: 0o600 })
  return token
}

async function hasUser(databaseUrl: string): Promise<boolean> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{ found: boolean }>('select exists(select 1 from "User") as found')
    return rows[0]?.found === true
  } finally {
    await client.end()
  }
}
