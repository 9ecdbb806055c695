// Keeps package-lock.json whole: `npm ci` refuses a lock that leaves out the packages of other platforms, which happens when it was written behind a registry that does not offer them.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'

const Entry = z.looseObject({
  version: z.string().optional(),
  dev: z.boolean().optional(),
  optional: z.boolean().optional(),
  optionalDependencies: z.record(z.string(), z.string()).optional(),
})
const Lock = z.looseObject({ packages: z.record(z.string(), Entry) })
export type Lock = z.infer<typeof Lock>

const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32', 'aix', 'netbsd', 'openbsd', 'sunos']
const processors = ['arm64', 'arm', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'wasm32', 'loong64', 'mips64el']
const libraries: Readonly<Record<string, string>> = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' }

/** Pure: what a platform package's name says, in the words of package.json. */
export function platformOf(name: string): { os?: string[]; cpu?: string[]; libc?: string[] } {
  const words = name.split(/[-/.]/)
  const os = words.filter((word) => systems.includes(word))
  const cpu = words.filter((word) => processors.includes(word))
  const libc = words.flatMap((word) => libraries[word] ?? [])
  return { ...(os.length > 0 ? { os } : {}), ...(cpu.length > 0 ? { cpu } : {}), ...(libc.length > 0 ? { libc } : {}) }
}

/** Where Node would look for a package that the one at `path` needs, nearest first. */
function places(path: string, name: string): string[] {
  const above = path.split('/node_modules/').map((_, index, parts) => parts.slice(0, parts.length - index).join('/node_modules/'))
  return [...above.filter((one) => one !== '').map((one) => `${one}/node_modules/${name}`), `node_modules/${name}`]
}

/** Pure: the optional packages that the lock wants and does not describe. */
export function undescribed({ packages }: Lock): { name: string; version: string; dev: boolean }[] {
  const all = Object.entries(packages).flatMap(([path, entry]) =>
    Object.entries(entry.optionalDependencies ?? {})
      .filter(([name]) => !places(path, name).some((place) => place in packages))
      .map(([name, version]) => ({ name, version, dev: entry.dev === true })),
  )
  return [...new Map(all.map((one) => [one.name, one])).values()]
}

/** Pure: the lock with a line for each of them. Without an integrity, which nobody here can know; npm then takes what the registry says. */
export function completed(lock: Lock): Lock {
  const added: [string, z.infer<typeof Entry>][] = undescribed(lock).map(({ name, version, dev }) => [`node_modules/${name}`, { version, ...platformOf(name), ...(dev ? { dev } : {}), optional: true }])
  const packages: Lock['packages'] = Object.fromEntries([...Object.entries(lock.packages), ...added].toSorted(([a], [b]) => a.localeCompare(b, 'en')))
  return { ...lock, packages }
}

/** A check and no copy, so that npm's order of properties stays. */
const isLock = (value: unknown): value is Lock => Lock.safeParse(value).success

export async function readLockfile(top: string): Promise<Lock> {
  const value: unknown = JSON.parse(await readFile(join(top, 'package-lock.json'), 'utf8'))
  if (!isLock(value)) throw new Error('package-lock.json is not what npm writes')
  return value
}

if (import.meta.main) {
  const top = join(import.meta.dirname, '..')
  const lock = await readLockfile(top)
  const missing = undescribed(lock)
  if (missing.length > 0) await writeFile(join(top, 'package-lock.json'), `${JSON.stringify(completed(lock), null, 2)}\n`)
  console.log(missing.length === 0 ? 'package-lock.json is whole' : `package-lock.json: described ${missing.length} packages of other platforms`)
}
