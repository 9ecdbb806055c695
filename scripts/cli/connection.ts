// Which console the command line talks to and as whom: HOWDAH_URL with HOWDAH_TOKEN, else what `howdah login` kept.
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { createClient, type ApiClient } from '#lib/client/link.ts'
import { problem } from '#lib/domain/problem.ts'
import { readEnvironment } from '#lib/platform/env.ts'

const Login = z.object({ url: z.url(), token: z.string().min(1) })
export type Login = z.infer<typeof Login>

export const loginFile = (): string => join(homedir(), '.config/howdah/config.json')

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

async function readLogin(): Promise<Login | null> {
  let text: string
  try {
    text = await readFile(loginFile(), 'utf8')
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
  const parsed = Login.safeParse(JSON.parse(text))
  if (!parsed.success) throw problem('invalid-input', `${loginFile()} is damaged`, { hint: 'Run howdah login again.' })
  return parsed.data
}

/** Readable by its owner alone, from its first byte on. */
export async function writeLogin(login: Login): Promise<void> {
  await mkdir(dirname(loginFile()), { recursive: true, mode: 0o700 })
  await writeFile(loginFile(), `${JSON.stringify(login, null, 2)}\n`, { mode: 0o600 })
  await chmod(loginFile(), 0o600)
}

export const removeLogin = (): Promise<void> => rm(loginFile(), { force: true })

export async function connect(): Promise<ApiClient> {
  const { url, token } = readEnvironment()
  const login = token === undefined ? await readLogin() : { url, token }
  if (login === null) throw problem('not-signed-in', 'The command line is not signed in', { hint: 'Run howdah login, or set HOWDAH_URL and HOWDAH_TOKEN. On the machine of the console, howdah token create makes a token.' })
  return createClient({ address: () => login.url.replace(/\/+$/, ''), token: login.token })
}
