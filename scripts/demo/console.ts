// The demo's console: started on its own home and port, its administrator made, and a client of its API.
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { createClient, type ApiClient } from '#lib/client/link.ts'
import { childEnvironment } from '#lib/platform/env.ts'
import { isThere } from '#lib/platform/files.ts'
import { homePaths } from '#lib/platform/home.ts'
import { exitText, start } from '#lib/platform/process.mjs'

const SignIn = z.object({ email: z.string(), password: z.string(), token: z.string() })

export interface RunningConsole extends AsyncDisposable {
  address: string
  /** Settles when the console ends by itself. */
  ended: Promise<string>
  /** The one-time token of the first start; fails once it was used. */
  setupToken: () => Promise<string>
}

export interface DemoConsole extends RunningConsole {
  email: string
  password: string
  api: ApiClient
}

/** Starts the console as `npm run up` does and returns when it answers. `home` is kept between starts. */
export async function launchConsole(top: string, home: string, port: number, onLine: (line: string) => void): Promise<RunningConsole> {
  await mkdir(home, { recursive: true, mode: 0o700 })
  const address = `http://127.0.0.1:${port}`
  const child = start(
    { argv: [process.execPath, join(top, 'scripts/up.mjs')], cwd: top, env: childEnvironment({ HOWDAH_HOME: home, PORT: String(port) }) },
    { ownGroup: true, onLine },
  )
  let ending: string | undefined
  const ended = child.exited.then((exit) => (ending = exitText(exit)))
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
  }
  for (let waitedMs = 0; !(await answers(address)); waitedMs += 500) {
    if (ending !== undefined) throw new Error(`The console ended with ${ending}.`)
    if (waitedMs > 600_000) {
      await stop()
      throw new Error('The console did not answer within 10 minutes.')
    }
    await sleep(500)
  }
  return { address, ended, setupToken: async () => (await readFile(join(homePaths(home).secrets, 'setup-token'), 'utf8')).trim(), [Symbol.asyncDispose]: stop }
}

/** The console with its administrator made and a client that signs in as him. */
export async function startConsole(top: string, home: string, port: number, onLine: (line: string) => void): Promise<DemoConsole> {
  const running = await launchConsole(top, home, port, onLine)
  try {
    const signIn = await administrator(running, home)
    return { ...running, email: signIn.email, password: signIn.password, api: createClient({ address: () => running.address, token: signIn.token }) }
  } catch (error) {
    await running[Symbol.asyncDispose]()
    throw error
  }
}

async function answers(address: string): Promise<boolean> {
  try {
    return (await fetch(`${address}/api/v1/session`)).ok
  } catch {
    return false // not listening yet: the caller asks again and knows when to give up
  }
}

/** Makes the administrator through the first-start operation and a token through a session, once; later starts read the file. */
async function administrator({ address, setupToken }: RunningConsole, home: string): Promise<z.infer<typeof SignIn>> {
  const file = join(home, 'demo-sign-in.json')
  if (await isThere(file)) return SignIn.parse(JSON.parse(await readFile(file, 'utf8')))
  const email = 'demo@howdah.example'
  const password = randomBytes(12).toString('base64url')
  await createClient({ address: () => address }).session.firstStart({ token: await setupToken(), name: 'Demo', email, password })
  const headers = { 'content-type': 'application/json', origin: address }
  const signedIn = await fetch(`${address}/api/auth/sign-in/email`, { method: 'POST', headers, body: JSON.stringify({ email, password }) })
  if (!signedIn.ok) throw new Error(`Signing in answered ${signedIn.status}: ${await signedIn.text()}`)
  const cookie = signedIn.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ')
  const made = await fetch(`${address}/api/v1/tokens`, { method: 'POST', headers: { ...headers, cookie }, body: JSON.stringify({ name: 'demo' }) })
  if (!made.ok) throw new Error(`Making a token answered ${made.status}: ${await made.text()}`)
  const { secret } = z.object({ secret: z.string() }).parse(await made.json())
  const signIn = { email, password, token: secret }
  await writeFile(file, JSON.stringify(signIn), { mode: 0o600 })
  await chmod(file, 0o600)
  return signIn
}
