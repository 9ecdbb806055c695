// howdah login, logout, token: who the command line is.
import { hostname } from 'node:os'
import type { Command } from 'commander'
import { createClient, fetchOrProblem } from '#lib/client/link.ts'
import { catalogOf } from '#lib/db/catalog.ts'
import { connectDb } from '#lib/db/client.ts'
import { problem } from '#lib/domain/problem.ts'
import { catalogUrl } from '#lib/platform/embedded-catalog.ts'
import { readEnvironment } from '#lib/platform/env.ts'
import { homePaths } from '#lib/platform/home.ts'
import { createToken } from '#lib/services/people.ts'
import { connect, loginFile, removeLogin, writeLogin } from './connection.ts'
import { table, type Printer } from './output.ts'
import { askSecret } from './secret.ts'

export function addAccountCommands(program: Command, printer: () => Printer): void {
  program
    .command('login [url]')
    .description('Keep the address of a console and a token for it (asks for password or token, or reads it from stdin)')
    .option('--email <address>', 'sign in with e-mail address and password, and make a token')
    .action(async (given: string | undefined, { email }: { email?: string }) => {
      const url = (given ?? readEnvironment().url).replace(/\/+$/, '')
      if (!URL.canParse(url)) throw problem('invalid-input', `${url} is not an address`, { hint: 'Write one such as https://howdah.example.com.' })
      const token = email === undefined ? (await askSecret('API token: ')).trim() : await tokenBySignIn(url, email, await askSecret('Password: '))
      const { user } = await createClient({ address: () => url, token }).session.status()
      await writeLogin({ url, token })
      printer().print({ url, user }, () => `Signed in to ${url} as ${user?.name ?? 'nobody'}; kept in ${loginFile()}.`)
    })
  program
    .command('logout')
    .description('Forget the kept address and token; the token itself stays valid until it is revoked')
    .action(async () => {
      await removeLogin()
      printer().print({}, () => `Removed ${loginFile()}.`)
    })

  const tokens = program.command('token').description('API tokens')
  tokens
    .command('create')
    .description("Make an API token, on the console's own machine and as the account that runs it")
    .option('--user <e-mail>', 'of this user (default: the administrator)')
    .option('--name <name>', 'what the token is for', `command line on ${hostname()}`)
    .option('--days <number>', 'expires after so many days (default: never)', Number)
    .action(async (options: { user?: string; name: string; days?: number }) => {
      const made = await tokenAtConsole(options)
      printer().print(made, () => made.secret)
    })
  tokens
    .command('list')
    .description('List your API tokens')
    .action(async () => {
      const rows = await (await connect()).token.list()
      printer().print(rows, () => table(rows, [{ head: 'NAME', of: (row) => row.name }, { head: 'ID', of: (row) => row.id }, { head: 'CREATED', of: (row) => row.createdAt }, { head: 'EXPIRES', of: (row) => row.expiresAt }, { head: 'LAST USED', of: (row) => row.lastUsedAt }]))
    })
  tokens
    .command('remove <id>')
    .description('Revoke an API token of yours')
    .action(async (id: string) => {
      await (await connect()).token.remove({ id })
      printer().print({}, () => `Revoked ${id}.`)
    })
}

/** A session for as long as it takes to make the token. */
async function tokenBySignIn(url: string, email: string, password: string): Promise<string> {
  const post = (path: string, body: object, cookie = ''): Promise<Response> =>
    fetchOrProblem(new Request(`${url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', origin: new URL(url).origin, ...(cookie === '' ? {} : { cookie }) }, body: JSON.stringify(body) }))
  const signedIn = await post('/api/auth/sign-in/email', { email, password })
  const cookie = signedIn.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ')
  const made: unknown = await (await post('/api/v1/tokens', { name: `${hostname()} ${new Date().toISOString().slice(0, 19)}` }, cookie)).json()
  await post('/api/auth/sign-out', {}, cookie)
  if (typeof made !== 'object' || made === null || !('secret' in made) || typeof made.secret !== 'string') throw problem('console-unavailable', 'The console did not answer as expected')
  return made.secret
}

/** Straight at the catalog, through the same use case as the API: for whoever may read the console's own files. */
async function tokenAtConsole({ user: email, name, days }: { user?: string; name: string; days?: number }) {
  const { databaseUrl, home } = readEnvironment()
  if (days !== undefined && !(Number.isInteger(days) && days > 0)) throw problem('invalid-input', 'days must be a whole number above 0')
  await using db = disposable(connectDb(databaseUrl ?? catalogUrl(homePaths(home))))
  const catalog = catalogOf(db.value)
  const users = await catalog.users.listUsers()
  const user = email === undefined ? users.find((one) => one.role === 'administrator' && one.isActive) : users.find((one) => one.email === email.toLowerCase())
  if (user === undefined) throw problem('not-found', email === undefined ? 'There is no administrator yet' : `There is no user ${email}`, { hint: email === undefined ? 'Make one at the first-start link that `npm run up` prints.' : `There are: ${users.map((one) => one.email).join(', ')}.` })
  return await createToken({ db: catalog, now: () => new Date() }, { id: user.id, name: user.name, role: user.role, sessionId: null }, { name, expiresInDays: days ?? null })
}

const disposable = <T extends { $disconnect(): Promise<void> }>(value: T) => ({ value, [Symbol.asyncDispose]: () => value.$disconnect() })
