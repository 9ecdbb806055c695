// Restoring when console and catalog are gone: by the commands of RESTORE.md as they are printed, and by the agent's `recover` alone, from a disk and from a bucket.
import { execFile, spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chapters, filled, type PrintedBlock, printedBlocks } from '#e2e/hosts/by-hand.ts'
import { binariesOf, type Cluster, debianBinaries, serverFolder, sqlAt, startCluster, startRestored, switchWal, untilOpen } from '#e2e/hosts/cluster.ts'
import { type EndedRun, startTestConsole } from '#e2e/hosts/console.ts'
import { newerTools } from '#e2e/hosts/newer-tools.ts'
import { freePort } from '#e2e/hosts/ports.ts'
import { startSshd } from '#e2e/hosts/sshd.ts'
import { startSwift, swiftKeys } from '#e2e/hosts/swift.ts'
import { insertKey } from '#lib/db/keys.ts'
import { parseImageJson, type ImageJson } from '#lib/image/image-json.ts'
import { ageIdentities } from '#lib/secrets/age-identity.ts'
import { loadMasterKey } from '#lib/secrets/master-key.ts'
import { createSealer } from '#lib/secrets/seal.ts'
import { putObject } from '#lib/storage/objects.ts'
import { s3Storage } from '#lib/storage/s3.ts'
import { testCatalog } from '#scripts/test-catalog.ts'
import { restoreByHand } from './restore-by-hand.ts'

const isRoot = process.getuid?.() === 0
const tools = isRoot ? await newerTools() : null
const CONTENT = "select (select count(*)::int from t) rows, (select md5(string_agg(id || v, chr(10) order by id)) from t) digest, (select md5(string_agg(id || v, chr(10) order by id)) from aside) aside"

const made: string[] = []
/** A folder of the server's user that goes when all is done. */
async function place(name: string): Promise<string> {
  const folder = await serverFolder(name)
  made.push(folder)
  return folder
}
afterAll(async () => {
  for (const folder of made) await rm(folder, { recursive: true, force: true })
})

interface Said { code: number; stdout: string; stderr: string }

/** The bundle out of storage, run by Node alone: no environment but what is given. */
function recover(agent: string, args: readonly string[], { env = {}, input }: { env?: Record<string, string>; input?: string } = {}): Promise<Said> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [agent, 'recover', ...args], { env: { PATH: '/usr/bin:/bin', NODE_ENV: 'production', ...env }, cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => void (stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => void (stderr += chunk.toString()))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }))
    child.stdin.end(input ?? '')
  })
}

interface History { expected: { full: unknown; moment: unknown; end: unknown }; moment: number; tablespace: string }

/** A full, two incrementals of changed blocks, a moment, a mistake; then everything but storage is gone. */
async function backUp(cluster: Cluster, how: { storageRoot: string; encryption: 'host' | 'none'; compression: 'fast' | 'none'; keys: readonly { recipient: string; identity: string }[] }): Promise<History> {
  await using sshd = await startSshd()
  await using catalog = await testCatalog()
  const space = await place('space')
  await cluster.sql(`create tablespace side location '${space}'`)
  await cluster.sql('create table t as select g as id, repeat(md5(g::text), 4) as v from generate_series(1, 20000) g; create table aside tablespace side as select * from t where id <= 500')
  await cluster.sql('alter table t add primary key (id)')
  await using console_ = await startTestConsole({
    databaseUrl: catalog.url, ssh: sshd, cluster, settings: { retries: 0, maxWalWaitSeconds: 20, encryption: how.encryption, incrementalMethod: 'blocks', compression: how.compression },
    storageRoot: how.storageRoot,
  })
  for (const { recipient, identity } of how.keys) await insertKey(console_.db, { name: 'vault', comment: '', recipient, identitySealed: createSealer(await loadMasterKey({ home: console_.home })).seal(identity), isDefault: true, isImported: true, createdAt: new Date(), createdBy: 'test', kitConfirmedAt: new Date(), kitConfirmedBy: 'test' })
  const worker = await console_.startWorker()
  await console_.run('deploy', { hostId: console_.hostId })
  const ok = async (run: EndedRun, level?: number): Promise<void> => expect(run, (await console_.texts(run.id)).join(' | ')).toMatchObject({ state: 'succeeded', ...(level === undefined ? {} : { level }) })
  const content = async (): Promise<unknown> => (await cluster.sql(CONTENT))[0]
  await ok(await console_.backup('full'), 0)
  const full = await content()
  await cluster.sql("update t set v = 'second' where id % 50 = 0; insert into aside select g, 'second' from generate_series(501, 900) g")
  await ok(await console_.backup('incremental'), 1)
  await cluster.sql("update t set v = 'third' where id % 70 = 0; update aside set v = 'third' where id % 7 = 0")
  await ok(await console_.backup('incremental'), 2)
  await cluster.sql("insert into t select g, 'fourth' from generate_series(20001, 21000) g")
  const moment = await content()
  await sleep(1100)
  const at = Date.now()
  await sleep(1100)
  await cluster.sql('delete from t where id > 100')
  const end = await content()
  await console_.collect(await switchWal(cluster))
  await worker.kill('SIGTERM')
  const [tablespace] = await cluster.sql<{ oid: string }>("select oid::text from pg_tablespace where spcname = 'side'")
  return { expected: { full, moment, end }, moment: at, tablespace: tablespace?.oid ?? '' }
}

const blocks = printedBlocks(restoreByHand)

describe.skipIf(!isRoot).each([
  { major: 15, encryption: 'host', compression: 'fast', several: 'PostgreSQL is older' },
  { major: 17, encryption: 'none', compression: 'none', several: 'PostgreSQL is 17 or newer' },
] as const)('PostgreSQL $major, encryption $encryption, compression $compression, when only storage is left', ({ major, encryption, compression, several }) => {
  let cluster: Cluster, history: History
  let [folder, root, agent, keyFile] = ['', '', '', '']
  let images: { json: ImageJson; path: string }[] = []
  const key = async (): Promise<{ recipient: string; identity: string }> => {
    const made = await ageIdentities.make()
    return { recipient: made.recipient, identity: made.identity.reveal() }
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'howdah-vault-'))
    root = join(folder, 'the vault')
    await mkdir(root)
    const keys = encryption === 'none' ? [] : [await key()]
    keyFile = join(folder, 'key.txt')
    await writeFile(keyFile, `# created by age-keygen\n# public key: ${keys[0]?.recipient ?? ''}\n${keys[0]?.identity ?? (await key()).identity}\n`, { mode: 0o600 })
    cluster = await startCluster({ major, segmentSizeMb: 1, checksums: true, settings: major >= 17 ? { summarize_wal: 'on' } : {} })
    history = await backUp(cluster, { storageRoot: root, encryption, compression, keys })
    await cluster.stop('immediate') // the host is dead
    const path = join(root, 'sets/nightly/main/images')
    images = await Promise.all((await readdir(path)).map(async (id) => ({ path: join(path, id), json: parseImageJson(await readFile(join(path, id, 'image.json'), 'utf8')) })))
    images = images.toSorted((a, b) => a.json.level - b.json.level)
    agent = join(root, 'kit', (await readdir(join(root, 'kit')))[0] ?? '')
  })
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  /** Starts what was restored, and answers its content. */
  async function contentOf(destination: string): Promise<unknown> {
    await using server = await startRestored({ major, dataDirectory: join(destination, 'data') })
    return (await server.sql(CONTENT))[0]
  }

  /** The blocks of these chapters in one bash, as a person pastes them one after another. */
  async function byHand(image: string, out: string, until: string | null): Promise<unknown> {
    const bin = await mkdtemp(join(tmpdir(), 'howdah-bin-'))
    const port = await freePort()
    const isOne = images[0]?.json.id === image
    const isWanted = ({ title, before }: PrintedBlock): boolean => (title.startsWith('4.') && before.startsWith('If it') ? isOne : title.startsWith('4.') && before.startsWith('If there') ? !isOne && before.includes(several) : title.startsWith('7.') && before.includes('at the end') ? until !== null : true)
    const proof = blocks.find(({ title }) => title.startsWith('Proving'))?.text ?? ''
    const script = filled([chapters(blocks, 1, 4, isWanted), proof, chapters(blocks, 5, 8, isWanted)].join('\n'), { store: root, image, out, key: keyFile })
      .replace("'2026-03-12 08:00:00+00'", `'${until ?? ''}'`).replace("-o '-p 5433'", `-o '-p ${port} -k ${out} -c fsync=off'`)
    try {
      if (tools !== null) for (const program of ['pg_combinebackup', 'pg_verifybackup']) {
        if (major !== 17) continue
        await writeFile(join(bin, program), `#!/bin/sh\nexec ${tools.argv(program).map((part) => `'${part}'`).join(' ')} "$@"\n`)
        await chmod(join(bin, program), 0o755)
      }
      await chmod(bin, 0o755)
      const { stdout, stderr } = await promisify(execFile)('bash', ['-c', `set -eu\n${script}`], { env: { PATH: `${bin}:${await binariesOf(major)}:${join(process.execPath, '..')}:/usr/sbin:/usr/bin:/sbin:/bin:${major === 15 ? debianBinaries : ''}`, LC_ALL: 'C', NODE_ENV: 'test' }, maxBuffer: 32 << 20, cwd: '/', timeout: 120_000 })
      expect(`${stdout}${stderr}`).not.toContain('FAILED')
      expect(stdout).toContain('backup successfully verified')
      const sql = sqlAt(port)
      await untilOpen({ sql, log: () => `${stdout}${stderr}` })
      return (await sql(CONTENT))[0]
    } finally {
      const pid = Number((await readFile(join(out, 'data/postmaster.pid'), 'utf8').catch(() => '')).split('\n')[0])
      if (pid > 0) process.kill(pid, 'SIGQUIT')
      await rm(bin, { recursive: true, force: true })
    }
  }

  test('the commands of RESTORE.md bring a full back, to a moment and with its tablespace, by tar, zstd, age and PostgreSQL alone [K14] [E10]', async () => {
    const out = join(await place('by-hand'), 'restored')
    expect(await byHand(images[0]?.json.id ?? '', out, new Date(history.moment).toISOString().replace('T', ' ').replace('Z', '+00'))).toEqual(history.expected.moment)
    expect((await readdir(join(out, 'tablespaces'))).length).toBe(1)
  })

  test.skipIf(major === 17 && tools === null)('the commands of RESTORE.md put a chain of changed blocks together and bring the newest state back [K14] [E10]', async () => {
    const out = join(await place('by-hand'), 'restored')
    expect(await byHand(images.at(-1)?.json.id ?? '', out, null)).toEqual(history.expected.end)
  })

  test('recover lists what there is, and shows a plan without writing anything [K14]', async () => {
    const list = await recover(agent, ['--list', '--key', keyFile])
    expect(list, list.stderr).toMatchObject({ code: 0 })
    expect(list.stdout).toContain(`nightly/main: host db1, ${cluster.dataDirectory}, PostgreSQL ${major}`)
    for (const { json } of images) expect(list.stdout).toContain(json.id)
    expect(list.stdout).toMatch(/recoverable from 20\d\d-.* to 20\d\d-.* on timeline 1/)
    const destination = join(await place('recover'), 'restored')
    const plan = await recover(agent, ['--from', root, '--dry-run', '--to', 'latest', '--destination', destination, '--key', keyFile])
    expect(plan, plan.stderr).toMatchObject({ code: 0 })
    expect(plan.stdout).toContain('Put the changed blocks of level 2')
    expect(plan.stdout).toContain('Lost: Nothing that is stored')
    expect(await readdir(join(destination, '..'))).toEqual([])
  })

  test('recover brings back a moment with the tablespace where it is wanted, and says how to start it [K14] [K7] [K10]', async () => {
    const parent = await place('recover')
    const [destination, side] = [join(parent, 'restored here'), join(parent, 'side')]
    const moment = new Date(history.moment + 3_600_000).toISOString().replace('Z', '+01:00')
    const said = await recover(agent, ['--from', root, '--set', 'nightly', '--source', 'main', '--to', moment, '--destination', destination, '--tablespace', `${history.tablespace}=${side}`, '--key', keyFile])
    expect(said, said.stderr).toMatchObject({ code: 0 })
    expect(said.stdout).toMatch(/Restored in \d+ s: \d+ files/)
    expect(said.stdout).toContain(`pg_ctl -D '${destination}/data'`)
    expect(said.stdout).toContain(`Tablespace ${history.tablespace} is in ${side}`)
    expect((await readdir(side)).length).toBe(1)
    expect(await contentOf(destination)).toEqual(history.expected.moment)
  })

  test.skipIf(major === 17)('the words of amrecover, from a pipe; and onto that copy only what differs is written [K14] [K16]', async () => {
    const parent = await place('recover')
    const said = await recover(agent, ['--key', keyFile], { input: `listdisk\nsetdisk main\nhistory\nsetdate latest\nls\nadd .\nlist\nlcd ${parent}/amanda\nlpwd\nextract\ny\nquit\n` })
    expect(said, said.stdout).toMatchObject({ code: 0 })
    for (const text of ['Disk set to nightly/main.', 'Restore date set to the newest state.', 'Added /data', 'Added /archive', `Extracting into ${parent}/amanda`, 'Restored in']) expect(said.stdout).toContain(text)
    expect(await contentOf(join(parent, 'amanda'))).toEqual(history.expected.end)
    const again = await recover(agent, ['--delta', '--to', new Date(history.moment).toISOString(), '--destination', join(parent, 'amanda'), '--key', keyFile])
    expect(again, again.stderr).toMatchObject({ code: 0 })
    expect(await contentOf(join(parent, 'amanda'))).toEqual(history.expected.moment)
    const wrong = await recover(agent, ['--key', keyFile], { input: 'setdisk nowhere\nfly\nextract\n' })
    expect(wrong.code).toBe(1)
    for (const text of ['There is no source nowhere', 'There is no command fly', 'Nothing is added']) expect(wrong.stdout).toContain(text)
  })

  test.skipIf(major === 17)('only the archive, or only the data, is restored when that is asked for [K14]', async () => {
    const parent = await place('recover')
    expect(await recover(agent, ['--to', 'latest', '--only', 'archive', '--destination', join(parent, 'a'), '--key', keyFile])).toMatchObject({ code: 0 })
    expect(await readdir(join(parent, 'a'))).toEqual(['archive'])
    expect((await readdir(join(parent, 'a/archive'))).length).toBeGreaterThan(2)
    expect(await recover(agent, ['--to', 'immediate', '--only', 'data', '--destination', join(parent, 'd'), '--key', keyFile])).toMatchObject({ code: 0 })
    expect(await readdir(join(parent, 'd/data'))).not.toContain('recovery.signal')
  })

  test.skipIf(major === 17)('what cannot be is refused by name: a moment before everything, wrong usage, a place without backups, a destination in use [K14] [K3]', async () => {
    const early = await recover(agent, ['--to', '2001-01-01T00:00:00Z', '--dry-run', '--key', keyFile])
    expect(early).toMatchObject({ code: 1 })
    expect(early.stderr).toMatch(/\(not-reachable\)\n.*nearest moments.*after: 20/)
    expect(await recover(agent, ['--sideways'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--sideways') as string })
    expect(await recover(agent, ['--from', '/usr', '--list'])).toMatchObject({ code: 1, stderr: expect.stringContaining('holds no backups of Howdah') as string })
    const busy = await recover(agent, ['--to', 'latest', '--destination', cluster.dataDirectory, '--key', keyFile])
    expect(busy).toMatchObject({ code: 1, stderr: expect.stringContaining('(destination-refused)') as string })
  })

  test.skipIf(encryption === 'none')('without the key, and with another one, it says so before anything is written [K10] [K14]', async () => {
    const parent = await place('recover')
    const other = join(folder, 'other.txt')
    await writeFile(other, `${(await key()).identity}\n`, { mode: 0o600 })
    for (const [code, args] of [['key-missing', []], ['key-wrong', ['--key', other]]] as const) {
      const said = await recover(agent, ['--to', 'latest', '--destination', join(parent, 'restored'), ...args])
      expect(said).toMatchObject({ code: 1, stderr: expect.stringContaining(`(${code})`) as string })
      expect(said.stderr).toContain('--key')
      expect(said.stderr).not.toContain('▸')
    }
    expect(await readdir(parent)).toEqual([])
  })

  test.skipIf(major === 17)('straight from a bucket: keys of the environment or of a file that nobody else reads, and wrong or missing ones are told with the fix [K14] [K10]', async () => {
    await using swift = await startSwift()
    const bucket = { ...(await swift.makeBucket('backups')), prefix: 'howdah/tests' }
    const storage = s3Storage(bucket)
    const files = (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).values()
    await Promise.all(Array.from({ length: 8 }, async () => {
      for (const path of files) await putObject(storage, path.slice(root.length + 1), await readFile(path))
    }))
    const from = ['--from', 's3://backups/howdah/tests', '--endpoint', bucket.endpoint, '--region', 'us-east-1', '--key', keyFile]
    const env = { AWS_ACCESS_KEY_ID: swiftKeys.accessKeyId, AWS_SECRET_ACCESS_KEY: swiftKeys.secretAccessKey }
    const destination = join(await place('recover'), 'restored')
    const said = await recover(agent, [...from, '--to', new Date(history.moment).toISOString(), '--destination', destination], { env })
    expect(said, said.stderr).toMatchObject({ code: 0 })
    expect(await contentOf(destination)).toEqual(history.expected.moment)

    const file = join(folder, 'credentials')
    await writeFile(file, `[default]\naws_access_key_id = ${swiftKeys.accessKeyId}\naws_secret_access_key = ${swiftKeys.secretAccessKey}\n`, { mode: 0o644 })
    expect(await recover(agent, [...from, '--credentials', file, '--list'])).toMatchObject({ code: 1, stderr: expect.stringContaining(`chmod 600 ${file}`) as string })
    await chmod(file, 0o600)
    expect(await recover(agent, [...from, '--credentials', file, '--list'])).toMatchObject({ code: 0, stdout: expect.stringContaining('recoverable from') as string })
    expect(await recover(agent, [...from, '--list'])).toMatchObject({ code: 2, stderr: expect.stringContaining('AWS_ACCESS_KEY_ID') as string })
    const wrong = await recover(agent, [...from, '--list'], { env: { ...env, AWS_SECRET_ACCESS_KEY: 'no' } })
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('The secret key does not fit the access key') as string })
    expect(wrong.stderr).not.toContain('▸')
    const away = await recover(agent, ['--from', 's3://backups', '--endpoint', 'http://127.0.0.1:9', '--list'], { env })
    expect(away).toMatchObject({ code: 1, stderr: expect.stringContaining('(storage-unavailable)') as string })
  })

  test('damage in storage is named by its file, with the nearest image that does without it, and that one restores [K14] [L5]', async () => {
    const newest = images.at(-1)
    const volume = newest?.json.volumes[0]?.name ?? ''
    const path = join(newest?.path ?? '', volume)
    const bytes = await readFile(path)
    // Content that is restored: what a tar holds besides it is not asked for.
    const at = bytes.indexOf('START WAL LOCATION')
    bytes.write('damage', at === -1 ? Math.floor(bytes.length / 2) : at)
    await writeFile(path, bytes)
    const parent = await place('recover')
    const destination = join(parent, 'restored')
    const said = await recover(agent, ['--to', 'latest', '--destination', destination, '--key', keyFile])
    expect(said).toMatchObject({ code: 1, stderr: expect.stringContaining('(storage-corrupt)') as string })
    expect(said.stderr).toContain(`sets/nightly/main/images/${newest?.json.id}/${volume}`)
    expect(said.stderr).toContain(`--without ${newest?.json.id}`)
    expect(said.stderr).toContain(images[1]?.json.id ?? '')
    expect(await readdir(parent)).toEqual([])
    expect(await recover(agent, ['--to', 'latest', '--destination', destination, '--key', keyFile, '--without', newest?.json.id ?? ''])).toMatchObject({ code: 0 })
    expect(await contentOf(destination)).toEqual(history.expected.end)
  })
})
