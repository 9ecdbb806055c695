// Errors of the host's machine, made for real: a full spool, folders that may not be used, a disk that does not read, rights that go in mid-life. Each is told with its path, and nothing stays behind.
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { openSync } from 'node:fs'
import { chmod, chown, copyFile, mkdir, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { accessTo, followRun, newRunId, runBackup, settingsWith, startAgent, type TestAgent } from '#e2e/hosts/agent.ts'
import { asServerUser, type Cluster, noiseTable, serverFolder, startCluster } from '#e2e/hosts/cluster.ts'
import { agentHolds } from '#e2e/hosts/holds.ts'
import { identify } from '#lib/platform/process-table.ts'
import { writeBehind } from './write-behind.ts'
import { eitherWay } from './write-ways.ts'

const run = promisify(execFile)
const MIB = 1 << 20
/** An attribute of the kernel that every read of answers with EIO, though it has a size and may be opened. */
const UNREADABLE = '/sys/devices/platform/power/autosuspend_delay_ms'

describe.skipIf(process.getuid?.() !== 0)('a host whose machine fails', () => {
  let cluster: Cluster
  let agent: TestAgent
  let undo: (() => Promise<unknown>)[] = []
  beforeAll(async () => {
    ;[cluster, agent] = await Promise.all([startCluster({ major: 16 }), startAgent()])
    await cluster.sql(noiseTable('t', 16))
  })
  afterEach(async () => {
    for (const one of undo.toReversed()) await one()
    undo = []
  })
  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]()
    await cluster?.[Symbol.asyncDispose]()
  })

  const mount = async (path: string, ...args: string[]): Promise<void> => {
    await run('mount', [...args, path])
    undo.push(async () => {
      for (let tries = 0; tries < 20; tries += 1) {
        const isGone = await run('umount', [path]).then(() => true, () => false)
        if (isGone) return
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      throw new Error(`${path} is still mounted.`)
    })
  }
  const owned = async (path: string, mode = 0o700): Promise<string> => {
    const { uid, gid } = await asServerUser()
    await mkdir(path, { recursive: true })
    if (uid !== undefined && gid !== undefined) await chown(path, uid, gid)
    await chmod(path, mode)
    return path
  }
  const place = async (): Promise<string> => {
    const path = await serverFolder('machine')
    undo.push(() => rm(path, { recursive: true, force: true }))
    return path
  }
  /** A file system of its own in a file: what is cut off from the file below gives EIO. */
  const loop = async (path: string, sizeMib: number): Promise<string> => {
    const file = `${path}.ext4`
    await writeFile(file, '')
    await truncate(file, sizeMib * MIB)
    await run('mkfs.ext4', ['-q', '-O', '^has_journal', file])
    await mount(path, '-o', 'loop', file)
    await owned(path)
    return file
  }
  const nothingStays = async (temp?: string): Promise<void> => {
    await expect.poll(async () => cluster.sql("select query from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"), { timeout: 10_000 }).toEqual([])
    for (const { runId } of (await agent.call('run.list', {})).runs) await agent.call('run.release', { runId })
    if (temp !== undefined) expect((await readdir(temp)).filter((name) => name.startsWith('howdah-'))).toEqual([])
    // Whatever it was, the next one is fine.
    expect((await runBackup(agent, accessTo(cluster))).result.fileCount).toBeGreaterThan(100)
  }

  test('a spool without space fails the backup with no-space and its path, and frees it [D3] [D13]', async () => {
    const temp = await owned(join(await place(), 'temp'))
    await mount(temp, '-t', 'tmpfs', '-o', 'size=3m', 'tmpfs')
    await owned(temp)
    await expect(runBackup(agent, accessTo(cluster, { tempDirectory: temp }), { compression: 'none' })).rejects.toMatchObject({ problem: { code: 'no-space', message: expect.stringContaining(temp) as string, hint: expect.any(String) as string } })
    await nothingStays(temp)
  })

  test('a home of the agent without space fails the start of a run with no-space, and leaves no half of it [D3] [A8]', async () => {
    const home = await owned(join(await place(), 'home'))
    await mount(home, '-t', 'tmpfs', '-o', 'size=64k,nr_inodes=3', 'tmpfs')
    await owned(home)
    await using small = await startAgent({ env: { HOWDAH_AGENT_HOME: home } })
    const refused = small.call('run.start', { runId: newRunId(), job: { kind: 'backup', cluster: accessTo(cluster), settings: settingsWith(), label: 'howdah' } })
    await expect(refused).rejects.toMatchObject({ problem: { code: 'no-space', message: expect.stringContaining(home) as string } })
    expect(await readdir(join(home, 'runs')).catch(() => [])).toEqual([])
    await nothingStays()
  })

  test('a disk that keeps the process of a run after its end does not keep the run from being released [J2]', async () => {
    await using holds = await agentHolds()
    await using slow = await startAgent({ env: holds.environment })
    const runId = newRunId()
    const release = () => slow.call('run.release', { runId })
    await holds.arm({ label: 'phase check', occurrence: 1 })
    // Its destination is in use.
    await slow.call('run.start', { runId, job: { kind: 'restore', destination: cluster.dataDirectory, images: [{ id: randomUUID(), volumes: [], index: { name: 'index.json.zst', sizeBytes: 1, sha256: '0'.repeat(64) } }], wal: [], major: 16, workers: 1 } })
    await expect.poll(() => holds.isHeld(), { timeout: 20_000 }).toBe(true)
    await expect(release()).rejects.toMatchObject({ problem: { code: 'already-running' } })
    await holds.arm({ label: 'end failed', occurrence: 1 })
    await holds.release()
    await expect.poll(() => holds.isHeld(), { timeout: 20_000 }).toBe(true)
    expect(await release()).toEqual({})
    expect(await readdir(join(slow.home, 'runs'))).toEqual([])
    expect(await identify(await holds.pid())).toBeDefined()
    await holds.release()
  })

  test.each(['direct', 'cached'] as const)('a large file that fills its disk as it goes %s is refused, and nothing of it stays open [K9]', async (way) => {
    const disk = join(await place(), 'disk')
    await mkdir(disk)
    await loop(disk, 24)
    const behind = writeBehind()
    const { write } = eitherWay({ onWritten: () => {}, chooser: { way, isTrial: false, spent: () => {} } })
    const path = join(disk, '16384')
    const fd = openSync(path, 'wx')
    const file = behind.begin(fd, path)
    const page = Buffer.alloc(MIB, 'page')
    await expect(write({ path, fd, file }, Array.from({ length: 40 }, () => page))).rejects.toMatchObject({ code: 'ENOSPC' })
    file.close()
    await behind.settled() // and the file system can be unmounted
  })

  test('a temporary directory that may not be written to fails the start with its path [D5]', async () => {
    const temp = await owned(join(await place(), 'temp'), 0o500)
    await expect(runBackup(agent, accessTo(cluster, { tempDirectory: temp }))).rejects.toMatchObject({ problem: { code: 'write-failed', message: expect.stringMatching(new RegExp(`${temp}.*EACCES`)) as string } })
    await nothingStays()
  })

  test('an archive directory that may not be read is told with its path, and nothing counts as archived [F1] [E6]', async () => {
    await chmod(cluster.archiveDirectory, 0o000)
    undo.push(() => chmod(cluster.archiveDirectory, 0o700))
    const listed = agent.call('wal.list', { cluster: accessTo(cluster), limit: 100 })
    await expect(listed).rejects.toMatchObject({ problem: { code: 'read-failed', message: expect.stringMatching(new RegExp(`${cluster.archiveDirectory}.*EACCES`)) as string } })
  })

  test('an archived segment that may not be read is told with its path, and stays [F1] [F4]', async () => {
    await cluster.sql('select pg_switch_wal()')
    let name = ''
    await expect.poll(async () => (name = (await readdir(cluster.archiveDirectory)).findLast((one) => /^[0-9A-F]{24}$/.test(one)) ?? ''), { timeout: 10_000 }).not.toBe('')
    const path = join(cluster.archiveDirectory, name)
    await chmod(path, 0o000)
    undo.push(() => chmod(path, 0o600))
    const refused = { problem: { code: 'read-failed', message: expect.stringContaining(path) as string } }
    await expect(agent.call('wal.list', { cluster: accessTo(cluster), limit: 100 })).rejects.toMatchObject(refused)
    await expect(agent.bulk({ op: 'wal', archiveDirectory: cluster.archiveDirectory, name, segmentSizeBytes: 16 * MIB, level: 3 })).rejects.toMatchObject(refused)
    expect((await stat(path)).size).toBe(16 * MIB)
  })

  test('a file of the cluster that the disk does not read (EIO) fails the backup with its path, never as a file of zeros [D5] [J2]', async () => {
    const path = join(cluster.dataDirectory, 'unreadable')
    await writeFile(path, '')
    undo.push(() => rm(path))
    await mount(path, '--bind', UNREADABLE)
    await expect(runBackup(agent, accessTo(cluster))).rejects.toMatchObject({ problem: { code: 'read-failed', message: expect.stringMatching(new RegExp(`${path}.*EIO`)) as string } })
    for (const one of undo.splice(0).toReversed()) await one()
    await nothingStays()
  })

  test('a segment that the disk does not read (EIO) is not stored, and stays in the archive directory [F1] [E6]', async () => {
    const archive = join(await place(), 'archive')
    await mkdir(archive)
    const file = await loop(archive, 40)
    const [name] = (await readdir(cluster.archiveDirectory)).filter((one) => /^[0-9A-F]{24}$/.test(one)).toSorted()
    if (name === undefined) throw new Error('Nothing was archived.')
    const path = join(archive, name)
    await copyFile(join(cluster.archiveDirectory, name), path)
    const { uid, gid } = await asServerUser()
    if (uid !== undefined && gid !== undefined) await chown(path, uid, gid)
    await run('sync', ['-f', archive])
    const { size } = await stat(file)
    await truncate(file, 8 * MIB)
    undo.push(() => truncate(file, size))
    await writeFile('/proc/sys/vm/drop_caches', '1')
    await expect(agent.bulk({ op: 'wal', archiveDirectory: archive, name, segmentSizeBytes: 16 * MIB, level: 3 })).rejects.toMatchObject({ problem: { code: 'read-failed', message: expect.stringMatching(new RegExp(`${path}.*EIO`)) as string } })
    expect(await readdir(archive)).toContain(name)
  })

  test('a role whose rights are taken away in mid-life fails the next backup with the GRANT, and is fine with them again [A6] [M17]', async () => {
    await cluster.sql('create role keeper login; grant pg_read_all_settings to keeper; grant execute on function pg_backup_start(text, boolean), pg_backup_stop(boolean) to keeper')
    const access = accessTo(cluster, { user: 'keeper' })
    await runBackup(agent, access)
    const losses = [
      { revoke: 'revoke execute on function pg_backup_start(text, boolean) from keeper', grant: 'grant execute on function pg_backup_start(text, boolean) to keeper', hint: /GRANT EXECUTE ON FUNCTION .*pg_backup_start.* TO keeper/ },
      { revoke: 'revoke execute on function pg_backup_stop(boolean) from keeper', grant: 'grant execute on function pg_backup_stop(boolean) to keeper', hint: /GRANT EXECUTE ON FUNCTION .*pg_backup_stop.* TO keeper/ },
      { revoke: 'revoke pg_read_all_settings from keeper', grant: 'grant pg_read_all_settings to keeper', hint: /GRANT pg_read_all_settings TO keeper/ },
    ]
    for (const { revoke, grant, hint } of losses) {
      await cluster.sql(revoke)
      const runId = newRunId()
      await agent.call('run.start', { runId, job: { kind: 'backup', cluster: access, settings: settingsWith(), label: 'howdah' } })
      expect((await followRun(agent, runId)).end, revoke).toMatchObject({ outcome: 'failed', problem: { code: 'privilege-missing', hint: expect.stringMatching(hint) as string } })
      await cluster.sql(grant)
    }
    // Taken away while the backup goes on: its end is refused, and the server is not left in it.
    const runId = newRunId()
    await agent.call('run.start', { runId, job: { kind: 'backup', cluster: access, settings: settingsWith({ compression: 'level', compressionLevel: 12 }), label: 'howdah' } })
    await expect.poll(async () => (await agent.call('run.events', { runId, after: 0, waitMs: 0 })).events.some(({ body }) => body.kind === 'phase' && body.phase === 'copy'), { timeout: 20_000, interval: 20 }).toBe(true)
    await cluster.sql('revoke execute on function pg_backup_stop(boolean) from keeper')
    await expect.poll(async () => (await agent.call('run.events', { runId, after: 0, waitMs: 100 })).events.find(({ body }) => body.kind === 'end')?.body, { timeout: 60_000 }).toMatchObject({ outcome: 'failed', problem: { code: 'privilege-missing' } })
    await cluster.sql('grant execute on function pg_backup_stop(boolean) to keeper')
    await nothingStays()
  })
})
