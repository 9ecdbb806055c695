// PostgreSQL's own tools of a newer Debian than this one, unpacked aside: pg_combinebackup and pg_verifybackup of 17, which the bundled servers lack.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const RELEASE = 'trixie'
const PACKAGE = 'postgresql-client-17'
const SERVER = 'postgresql-17'
const folder = join(import.meta.dirname, '../servers/newer-tools')

/** Runs a program of the newer release with that release's own loader and libraries, so that nothing of this machine's is mixed in. */
export interface NewerTools {
  argv(program: string, ...args: string[]): [string, ...string[]]
}

/** Null where they cannot be had: no Debian, no apt, no mirror. Unpacked once, into the folder of the test servers. */
export async function newerTools(): Promise<NewerTools | null> {
  if (!existsSync(folder) && !(await unpack())) return null
  await chmod(folder, 0o755) // the user of the servers runs them, too
  const root = join(folder, 'root')
  const libraries = [join(root, 'usr/lib', `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`)]
  const loader = [join(root, 'usr/lib64/ld-linux-x86-64.so.2'), join(root, 'usr/lib/ld-linux-aarch64.so.1')].find((path) => existsSync(path))
  if (loader === undefined) throw new Error(`${folder} has no loader: remove the folder, and it is unpacked anew.`)
  return { argv: (program, ...args) => [loader, '--library-path', libraries.join(':'), join(root, 'usr/lib/postgresql/17/bin', program), ...args] }
}

async function unpack(): Promise<boolean> {
  const mirror = await run('apt-get', ['indextargets', '--format', '$(SITE)']).then(({ stdout }) => stdout.split('\n').find((line) => /\/debian\/?$/.test(line)), () => undefined)
  if (mirror === undefined) return false
  const work = await mkdtemp(join(tmpdir(), 'howdah-newer-'))
  try {
    for (const path of ['lists/partial', 'cache/archives/partial', 'deb', 'root']) await mkdir(join(work, path), { recursive: true })
    await writeFile(join(work, 'sources.list'), `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} ${RELEASE} main\n`)
    await writeFile(join(work, 'status'), '')
    const options = { 'Dir::Etc::SourceList': join(work, 'sources.list'), 'Dir::Etc::SourceParts': '/dev/null', 'Dir::State::Lists': join(work, 'lists'), 'Dir::Cache': join(work, 'cache'), 'Dir::State::Status': join(work, 'status'), 'APT::Install-Recommends': 'false', 'APT::Sandbox::User': 'root' }
    const apt = async (...args: string[]): Promise<string> => (await run('apt-get', ['-qq', ...Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]), ...args], { cwd: join(work, 'deb'), maxBuffer: 64 << 20 })).stdout
    await apt('update')
    const names = [...(await apt('-s', 'install', PACKAGE, SERVER)).matchAll(/^Inst (\S+)/gm)].map(([, name = '']) => name)
    if (names.length === 0) return false
    await apt('download', ...names)
    for (const deb of await readdir(join(work, 'deb'))) await run('dpkg', ['-x', join(work, 'deb', deb), join(work, 'root')])
    for (const path of ['lists', 'cache', 'deb']) await rm(join(work, path), { recursive: true })
    await run('cp', ['-a', work, `${folder}.part`])
    await rename(`${folder}.part`, folder)
    return true
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
