// Faults put one by one into real servers and hosts: each makes exactly its line an ERROR, with the exact way out, and all is well again after it.
import { execFile } from 'node:child_process'
import { chmod, chown, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accessTo, startAgent, type TestAgent } from '#e2e/hosts/agent.ts'
import { asServerUser, binariesOf, type Cluster, type RunningServer, startCluster, startServer } from '#e2e/hosts/cluster.ts'
import { isMatrix } from '#e2e/hosts/majors.ts'
import { type CheckLine, type CheckLineId, settleLines } from '#lib/domain/check.ts'
import type { ClusterAccess } from '#lib/protocol/cluster.ts'
import type { Params } from '#lib/protocol/methods.ts'

const run = promisify(execFile)
const isRoot = process.getuid?.() === 0

interface Setup { cluster: Cluster; server: RunningServer; agent: TestAgent }
interface Asked { access?: Partial<ClusterAccess>; more?: Partial<Params<'cluster.check'>> }
interface Fault {
  name: string
  line: CheckLineId
  /** What the way out must say. */
  fix: RegExp
  make: (setup: Setup) => Promise<Asked | void>
  mend?: (setup: Setup) => Promise<unknown>
  isRootOnly?: true
}

const set = async ({ server }: Setup, name: string, value: string): Promise<void> => {
  await server.sql(`alter system set ${name} = '${value.replaceAll("'", "''")}'`)
  await server.sql('select pg_reload_conf()')
  await expect.poll(async () => (await server.sql(`select current_setting('${name}') as value`))[0]).toEqual({ value })
}
const reset = async ({ server }: Setup, name: string): Promise<void> => {
  await server.sql(`alter system reset ${name}`)
  await server.sql('select pg_reload_conf()')
}
/** Stops the server, appends to its own settings, and starts it again on the same port. */
const restart = async (setup: Setup, settings: Record<string, string>): Promise<void> => {
  const { cluster, server } = setup
  await server.stop()
  setup.server = await startServer({ major: cluster.major, dataDirectory: cluster.dataDirectory, port: cluster.port, socketDirectory: cluster.socketDirectory, settings })
}
const archivesAgain = async ({ server, cluster }: Setup): Promise<void> => {
  await server.sql("select pg_create_restore_point('mended')")
  await server.sql('select pg_switch_wal()')
  await expect.poll(async () => (await server.sql('select coalesce(last_archived_time > coalesce(last_failed_time, last_archived_time - interval \'1 s\'), false) as yes from pg_stat_archiver'))[0], { timeout: 90_000, interval: 500, message: cluster.archiveDirectory }).toEqual({ yes: true })
}
const fails = async ({ server }: Setup): Promise<void> => {
  await server.sql("select pg_create_restore_point('fails')")
  await server.sql('select pg_switch_wal()')
  await expect.poll(async () => (await server.sql("select coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) as yes from pg_stat_archiver"))[0], { timeout: 30_000 }).toEqual({ yes: true })
}
const owned = async (path: string, mode: number): Promise<string> => {
  const { uid, gid } = await asServerUser()
  if (uid !== undefined && gid !== undefined) await chown(path, uid, gid)
  await chmod(path, mode)
  return path
}
const folder = async (path: string, mode = 0o700): Promise<string> => {
  await mkdir(path, { recursive: true })
  return owned(path, mode)
}
const passfile = async ({ cluster }: Setup, mode: number): Promise<Asked> => {
  await writeFile(join(cluster.folder, 'pass'), '*:*:*:*:secret\n')
  return { access: { passfile: await owned(join(cluster.folder, 'pass'), mode) } }
}
/** A role of its own; `grants` are made in the database that is connected to. */
const role = async ({ server }: Setup, how: string, ...grants: string[]): Promise<Asked> => {
  await server.sql(`drop role if exists fault; create role fault ${how}`)
  for (const grant of grants) await server.sql(grant)
  return { access: { user: 'fault' } }
}
const dropRole = async ({ server }: Setup): Promise<unknown> => server.sql('drop owned by fault; drop role fault')
const START = ['grant execute on function pg_backup_start(text, boolean) to fault', 'grant execute on function pg_backup_stop(boolean) to fault']

const faults: readonly Fault[] = [
  { name: 'nothing listens on the port', line: 'connection', fix: /postmaster\.pid/, make: async () => ({ access: { connectionHost: '127.0.0.1', port: 1 } }) },
  { name: 'the socket directory is another one', line: 'connection', fix: /postmaster\.pid/, make: async ({ cluster }) => ({ access: { connectionHost: cluster.folder } }) },
  { name: 'the role does not exist', line: 'connection', fix: /CREATE ROLE nobody_here LOGIN/, make: async () => ({ access: { user: 'nobody_here' } }) },
  { name: 'the role may not log in', line: 'connection', fix: /ALTER ROLE fault LOGIN/, make: (setup) => role(setup, 'nologin'), mend: dropRole },
  { name: 'the database does not exist', line: 'connection', fix: /database of the source empty/, make: async () => ({ access: { database: 'nowhere' } }) },
  { name: 'pg_hba.conf has no line for the role', line: 'connection', fix: /pg_hba\.conf[^]*host +all +postgres +127\.0\.0\.1\/32/, make: async ({ cluster, server }) => { await rename(join(cluster.dataDirectory, 'pg_hba.conf'), join(cluster.folder, 'hba')); await writeFile(join(cluster.dataDirectory, 'pg_hba.conf'), 'local all all trust\n'); await owned(join(cluster.dataDirectory, 'pg_hba.conf'), 0o600); await server.sql('select pg_reload_conf()'); return { access: { connectionHost: '127.0.0.1' } } }, mend: async ({ cluster }) => { await rename(join(cluster.folder, 'hba'), join(cluster.dataDirectory, 'pg_hba.conf')); await reload(cluster) } },
  { name: 'the password file is open to others', line: 'passfile', fix: /chmod 0600 .*pass/, make: (setup) => passfile(setup, 0o644) },
  { name: 'the password file is open to the group', line: 'passfile', fix: /chmod 0600 .*pass/, make: (setup) => passfile(setup, 0o640) },
  { name: 'the password file does not exist', line: 'passfile', fix: /install -m 0600/, make: async ({ cluster }) => ({ access: { passfile: join(cluster.folder, 'no-pass') } }) },
  { name: 'the role may not read the settings', line: 'role-privileges', fix: /GRANT pg_read_all_settings TO fault;/, make: (setup) => role(setup, 'login', ...START), mend: dropRole },
  { name: 'the role may not begin a backup', line: 'role-privileges', fix: /GRANT EXECUTE ON FUNCTION pg_backup_start\(text, boolean\) TO fault;/, make: (setup) => role(setup, 'login', 'grant pg_read_all_settings to fault', ...START.slice(1)), mend: dropRole },
  { name: 'the role may not end a backup', line: 'role-privileges', fix: /GRANT EXECUTE ON FUNCTION pg_backup_stop\(boolean\) TO fault;/, make: (setup) => role(setup, 'login', 'grant pg_monitor to fault', ...START.slice(0, 1)), mend: dropRole },
  { name: 'the data directory of the source is an empty one', line: 'data-directory', fix: /Set the data directory of the source to/, make: async ({ cluster }) => ({ access: { dataDirectory: await folder(join(cluster.folder, 'other')) } }) },
  { name: 'the data directory of the source does not exist', line: 'data-directory', fix: /Set the data directory of the source to/, make: async ({ cluster }) => ({ access: { dataDirectory: join(cluster.folder, 'data_archive') } }) },
  { name: 'a file of the data directory may not be read', line: 'data-readable', fix: /run-as user/, isRootOnly: true, make: async ({ cluster }) => { await writeFile(join(cluster.dataDirectory, 'closed'), 'x', { mode: 0o600 }); await chown(join(cluster.dataDirectory, 'closed'), 0, 0) }, mend: ({ cluster }) => rm(join(cluster.dataDirectory, 'closed')) },
  { name: 'another cluster answers than the one backed up so far', line: 'system-identifier', fix: /new source/, make: async () => ({ more: { systemIdentifier: '1234567890' } }) },
  { name: 'wal_level is minimal', line: 'wal-level', fix: /ALTER SYSTEM SET wal_level = 'replica';[^]*restart/, make: (setup) => restart(setup, { wal_level: 'minimal', archive_mode: 'off', max_wal_senders: '0' }), mend: (setup) => restart(setup, {}) },
  { name: 'archive_mode is off', line: 'archive-mode', fix: /ALTER SYSTEM SET archive_mode = 'on';[^]*restart/, make: (setup) => restart(setup, { archive_mode: 'off' }), mend: (setup) => restart(setup, {}) },
  { name: 'archive_command is empty', line: 'archive-command', fix: /ALTER SYSTEM SET archive_command = '[^]+';\nSELECT pg_reload_conf\(\);/, make: (setup) => set(setup, 'archive_command', ''), mend: (setup) => reset(setup, 'archive_command') },
  { name: 'archive_command copies elsewhere', line: 'archive-command', fix: /ALTER SYSTEM SET archive_command/, make: (setup) => set(setup, 'archive_command', 'cp %p /somewhere/else/%f'), mend: (setup) => reset(setup, 'archive_command') },
  { name: 'the archive directory does not exist', line: 'archive-directory', fix: /install -d -m 0750 -o \S+ -g \S+ \S+archive/, make: async ({ cluster }) => rename(cluster.archiveDirectory, `${cluster.archiveDirectory}-away`), mend: ({ cluster }) => rename(`${cluster.archiveDirectory}-away`, cluster.archiveDirectory) },
  { name: 'the archive directory is a file', line: 'archive-directory', fix: /install -d/, make: async ({ cluster }) => { await writeFile(join(cluster.folder, 'file'), ''); return { access: { archiveDirectory: await owned(join(cluster.folder, 'file'), 0o700) } } } },
  { name: 'the archive directory may not be written', line: 'archive-directory', fix: /chmod u\+rwx/, make: async ({ cluster }) => chmod(cluster.archiveDirectory, 0o500), mend: ({ cluster }) => chmod(cluster.archiveDirectory, 0o700) },
  { name: 'an ancestor of the archive directory lets nobody through', line: 'archive-directory', fix: /chmod a\+x \S+closed/, make: async ({ cluster }) => { const closed = await folder(join(cluster.folder, 'closed')); await folder(join(closed, 'archive')); await chmod(closed, 0o600); return { access: { archiveDirectory: join(closed, 'archive') } } } },
  { name: 'the server may not write into the archive directory', line: 'archive-directory', fix: /chown \S+ \S+roots/, isRootOnly: true, make: async ({ cluster }) => { await mkdir(join(cluster.folder, 'roots'), { mode: 0o755 }); return { access: { archiveDirectory: join(cluster.folder, 'roots') }, more: {} } } },
  { name: 'the archive directory lies inside of the data directory', line: 'archive-placement', fix: /beside it, such as \S+archive/, make: async ({ cluster }) => ({ access: { archiveDirectory: join(cluster.dataDirectory, 'pg_wal') } }) },
  { name: 'the archive directory is a link into the data directory', line: 'archive-placement', fix: /beside it/, make: async ({ cluster }) => { await symlink(join(cluster.dataDirectory, 'pg_wal'), join(cluster.folder, 'link')); return { access: { archiveDirectory: join(cluster.folder, 'link') } } } },
  { name: 'archive_command compresses', line: 'archive-names', fix: /keep segments under their names/, make: async (setup) => { await set(setup, 'archive_command', `gzip < %p > ${setup.cluster.archiveDirectory}/%f.gz`); await archivesAgain(setup) }, mend: async (setup) => { await reset(setup, 'archive_command'); await archivesAgain(setup); await run('sh', ['-c', `rm ${setup.cluster.archiveDirectory}/*.gz`]) } },
  { name: 'archive_command fails', line: 'archive-working', fix: /log/, make: async (setup) => { await set(setup, 'archive_command', 'exit 3'); await fails(setup) }, mend: async (setup) => { await reset(setup, 'archive_command'); await archivesAgain(setup) } },
  { name: 'archive_command says success and keeps nothing', line: 'archive-effective', fix: /pg_stat_archiver/, make: async (setup) => { await set(setup, 'archive_command', 'exit 0'); return { more: { announceSegmentSwitch: true } } }, mend: (setup) => reset(setup, 'archive_command') },
  { name: 'the temporary directory does not exist', line: 'temp-directory', fix: /install -d -m 0700 \S* ?\S* \S*no-temp|install -d/, make: async ({ cluster }) => ({ access: { tempDirectory: join(cluster.folder, 'no-temp') } }) },
  { name: 'the temporary directory may not be written', line: 'temp-directory', fix: /install -d/, make: async ({ cluster }) => ({ access: { tempDirectory: await folder(join(cluster.folder, 'read-only'), 0o500) } }) },
  { name: 'the state directory may not be written', line: 'state-directory', fix: /install -d -m 0700/, make: async ({ agent, cluster }) => { await folder(agent.home, 0o500); return { access: { tempDirectory: await folder(join(cluster.folder, 'temp')) } } }, mend: ({ agent }) => chmod(agent.home, 0o700) },
  { name: 'the file system of the temporary directory is too small', line: 'free-space', fix: /Free space/, isRootOnly: true, make: async ({ cluster }) => { const path = await folder(join(cluster.folder, 'small')); await run('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0777', 'tmpfs', path]); return { access: { tempDirectory: path } } }, mend: ({ cluster }) => run('umount', [join(cluster.folder, 'small')]) },
  { name: 'a tablespace may not be read', line: 'tablespaces', fix: /run-as user|chmod/, isRootOnly: true, make: async (setup) => { await tablespace(setup); await rename(spaceOf(setup), `${spaceOf(setup)}-away`); await mkdir(spaceOf(setup), { mode: 0o700 }) }, mend: async (setup) => { await rm(spaceOf(setup), { recursive: true }); await rename(`${spaceOf(setup)}-away`, spaceOf(setup)) } },
  { name: 'a tablespace is gone', line: 'tablespaces', fix: /Mount or restore/, make: async (setup) => { await tablespace(setup); await rename(spaceOf(setup), `${spaceOf(setup)}-away`) }, mend: async (setup) => rename(`${spaceOf(setup)}-away`, spaceOf(setup)) },
  { name: 'the clock of the host is an hour off', line: 'clock', fix: /timedatectl/, make: async () => ({ more: { consoleClock: new Date(Date.now() - 3_600_000).toISOString() } }) },
  { name: 'the directory of the binaries is that of another major', line: 'binaries', fix: /directory of the binaries/, make: async ({ cluster }) => ({ access: { binaries: await binariesOf(cluster.major === 18 ? 15 : 18) } }) },
  { name: 'the directory of the binaries holds none', line: 'binaries', fix: /directory of the binaries/, make: async ({ cluster }) => ({ access: { binaries: cluster.folder } }) },
]

const spaceOf = ({ cluster }: Setup): string => join(cluster.folder, 'space')
async function tablespace(setup: Setup): Promise<void> {
  if ((await setup.server.sql("select 1 from pg_tablespace where spcname = 'fast'")).length > 0) return
  await setup.server.sql(`create tablespace fast location '${await folder(spaceOf(setup))}'`)
}
/** Where no SQL gets in any more, the signal does. */
async function reload(cluster: Cluster): Promise<void> {
  process.kill(Number((await readFile(join(cluster.dataDirectory, 'postmaster.pid'), 'utf8')).split('\n')[0]), 'SIGHUP')
}

const asked = async ({ agent, cluster }: Setup, { access = {}, more = {} }: Asked = {}): Promise<CheckLine[]> =>
  (await agent.call('cluster.check', { cluster: accessTo(cluster, access), announceSegmentSwitch: false, consoleClock: new Date().toISOString(), ...more })).lines
const errorsOf = (lines: readonly CheckLine[]): CheckLineId[] => lines.flatMap(({ id, status }) => (status === 'error' ? [id] : []))

test('there are more than twenty faults, and a line that rests on a wrong one is no ERROR of its own [C2]', () => {
  expect(faults.length).toBeGreaterThan(30)
  const settled = settleLines([{ id: 'passfile', status: 'error', message: 'open' }, { id: 'connection', status: 'error', message: 'refused' }, { id: 'clock', status: 'error', message: 'off' }])
  expect(settled.map(({ status }) => status)).toEqual(['error', 'info', 'error'])
})

describe.each(isMatrix ? [15, 18] : [18])('PostgreSQL %i', (major) => {
  let setup: Setup
  beforeAll(async () => {
    const cluster = await startCluster({ major })
    setup = { cluster, server: cluster, agent: await startAgent() }
  })
  afterAll(async () => {
    await setup.agent[Symbol.asyncDispose]()
    await setup.server.stop('immediate')
    await setup.cluster[Symbol.asyncDispose]()
  })

  test.each(faults.filter(({ isRootOnly }) => isRoot || isRootOnly !== true))('$name: $line is the only ERROR, with the way out [C2] [C5]', async ({ line, fix, make, mend }) => {
    expect(errorsOf(await asked(setup))).toEqual([])
    let lines: CheckLine[]
    try {
      lines = await asked(setup, (await make(setup)) ?? {})
    } finally {
      await mend?.(setup)
    }
    expect(errorsOf(lines), JSON.stringify(lines.filter(({ status }) => status !== 'ok'), null, 1)).toEqual([line])
    expect(lines.find(({ id }) => id === line)?.fix?.text).toMatch(fix)
    await expect.poll(async () => errorsOf(await asked(setup)), { timeout: 10_000 }).toEqual([])
  })

  test('nothing is left behind by the faults', async () => {
    expect((await stat(setup.cluster.archiveDirectory)).mode & 0o777).toBe(0o700)
    expect(errorsOf(await asked(setup, { more: { announceSegmentSwitch: true } }))).toEqual([])
  })
})
