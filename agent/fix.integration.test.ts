// Fixes on real servers and hosts: each offered with its diff, carried out only as shown, and gone from the next check.
import { chmod, chown, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accessTo, startAgent, type TestAgent } from '#e2e/hosts/agent.ts'
import { asServerUser, type Cluster, type RunningServer, startCluster, startServer } from '#e2e/hosts/cluster.ts'
import { type CheckLine, type FixId, type FixPlan, fixes } from '#lib/domain/check.ts'
import { archiveCommand } from '#lib/postgres/archive-command.ts'
import type { ClusterAccess } from '#lib/protocol/cluster.ts'

describe('fixes that a check offers', () => {
  let cluster: Cluster
  let server: RunningServer
  let agent: TestAgent
  let how: Partial<ClusterAccess>
  beforeAll(async () => {
    cluster = await startCluster({ major: 18 })
    server = cluster
    agent = await startAgent()
    // The role is nobody special: what needs a superuser is done by the agent's own user over the socket.
    await server.sql('create role backer login; grant pg_read_all_settings to backer')
    how = { user: 'backer' }
    for (const grant of (await lineOf('role-privileges')).apply?.statements ?? []) await server.sql(grant)
  })
  afterAll(async () => {
    await agent[Symbol.asyncDispose]()
    await server.stop('immediate')
    await cluster[Symbol.asyncDispose]()
  })
  const access = (more: Partial<ClusterAccess> = {}) => accessTo(cluster, { ...how, ...more })
  const lineOf = async (id: CheckLine['id'], more: Partial<ClusterAccess> = {}): Promise<CheckLine> => {
    const { lines } = await agent.call('cluster.check', { cluster: access(more), announceSegmentSwitch: false, consoleClock: new Date().toISOString() })
    const line = lines.find((one) => one.id === id)
    if (line === undefined) throw new Error(`No line ${id}`)
    return line
  }
  const apply = (shown: FixPlan | undefined, more: Partial<ClusterAccess> = {}) => {
    if (shown === undefined) throw new Error('The check offers no fix.')
    return agent.call('fix.apply', { cluster: access(more), shown })
  }
  const restart = async (settings: Record<string, string> = {}) => {
    await server.stop()
    server = await startServer({ major: 18, dataDirectory: cluster.dataDirectory, port: cluster.port, socketDirectory: cluster.socketDirectory, settings })
  }
  const seen = new Set<FixId>()
  /** Offers, shows and applies; `after` is what the line says then. */
  const mended = async (id: CheckLine['id'], fix: FixId, after: CheckLine['status'], more: Partial<ClusterAccess> = {}): Promise<FixPlan> => {
    const { apply: shown } = await lineOf(id, more)
    expect(shown, id).toMatchObject({ fix })
    await apply(shown, more)
    expect(await lineOf(id, more)).toMatchObject({ status: after })
    seen.add(fix)
    return shown!
  }

  test('archive_command: a plain cp is supported, and the safer line is shown, applied and in force at once [C5]', async () => {
    await server.sql(`alter system set archive_command = 'cp %p ${cluster.archiveDirectory}/%f'`)
    await server.sql('select pg_reload_conf()')
    await expect.poll(async () => (await lineOf('archive-command')).found).toContain('cp %p')
    const line = await lineOf('archive-command')
    expect(line).toMatchObject({ status: 'ok', message: expect.stringContaining('supported') as string, wanted: archiveCommand(cluster.archiveDirectory) })
    const shown = await mended('archive-command', 'archive-command', 'ok')
    expect(shown).toMatchObject({ needsRestart: false, changes: [{ what: 'archive_command', from: `cp %p ${cluster.archiveDirectory}/%f`, to: archiveCommand(cluster.archiveDirectory) }] })
    expect((await server.sql("select current_setting('archive_command') as command"))[0]).toEqual({ command: archiveCommand(cluster.archiveDirectory) })
    const effective = await agent.call('cluster.check', { cluster: access(), announceSegmentSwitch: true, consoleClock: new Date().toISOString() })
    expect(effective.lines.find(({ id }) => id === 'archive-effective')).toMatchObject({ status: 'ok' })
    expect((await lineOf('archive-command')).apply).toBeUndefined()
  })

  test('what is no longer as it was shown, or was never shown, is refused and changes nothing [C5] [C4]', async () => {
    await server.sql("alter system set archive_command = ''")
    await server.sql('select pg_reload_conf()')
    await expect.poll(async () => (await lineOf('archive-command')).status).toBe('error')
    const { apply: shown } = await lineOf('archive-command')
    await expect(apply({ ...shown!, statements: ['DROP DATABASE postgres;'] })).rejects.toMatchObject({ problem: { code: 'conflict' } })
    await expect(apply({ ...shown!, changes: [{ what: 'archive_command', from: 'something', to: 'else' }] })).rejects.toMatchObject({ problem: { code: 'conflict' } })
    expect((await server.sql("select current_setting('archive_command') as command"))[0]).toEqual({ command: '' })
    await mended('archive-command', 'archive-command', 'ok')
    await expect(apply(shown)).rejects.toMatchObject({ problem: { code: 'conflict' } })
  })

  test('summarize_wal is switched on without a restart [C5]', async () => {
    await mended('summarize-wal', 'summarize-wal', 'ok')
  })

  test('wal_level and archive_mode are set together, say that they wait for a restart, and hold after it [C5]', async () => {
    await server.sql("alter system set archive_mode = 'off'")
    await server.sql("alter system set summarize_wal = 'off'")
    await server.sql("alter system set wal_level = 'minimal'")
    await server.sql("alter system set max_wal_senders = '0'")
    await restart()
    const shown = await mended('wal-level', 'wal-level', 'error')
    expect(shown).toMatchObject({ needsRestart: true, changes: [{ what: 'wal_level', from: 'minimal', to: 'replica' }, { what: 'archive_mode', from: 'off', to: 'on' }] })
    expect(await lineOf('wal-level')).toMatchObject({ message: expect.stringContaining('waits for a restart') as string, fix: { kind: 'command' } })
    expect((await lineOf('wal-level')).apply).toBeUndefined()
    await restart()
    expect(await lineOf('wal-level')).toMatchObject({ status: 'ok' })
    expect(await lineOf('archive-mode')).toMatchObject({ status: 'ok' })
  })

  test('archive_mode alone is set with its command where there is none [C5]', async () => {
    await server.sql("alter system set archive_mode = 'off'")
    await server.sql("alter system set archive_command = ''")
    await restart()
    const shown = await mended('archive-mode', 'archive-mode', 'error')
    expect(shown.changes.map(({ what }) => what)).toEqual(['archive_mode', 'archive_command'])
    await restart()
    expect(await lineOf('archive-mode')).toMatchObject({ status: 'ok' })
    expect(await lineOf('archive-command')).toMatchObject({ status: 'ok' })
  })

  test('missing grants are given [C5] [A6]', async () => {
    await server.sql('create role other login')
    const shown = await mended('role-privileges', 'grants', 'ok', { user: 'other' })
    expect(shown.statements).toContain('GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean) TO other;')
    expect((await server.sql("select rolsuper from pg_roles where rolname = 'other'"))[0]).toEqual({ rolsuper: false })
  })

  test('a password file is closed, and a missing archive directory is made for the server [C5] [B3]', async () => {
    const passfile = join(cluster.folder, 'pass')
    await writeFile(passfile, '*:*:*:*:secret\n')
    const { uid, gid } = await asServerUser()
    if (uid !== undefined && gid !== undefined) await chown(passfile, uid, gid)
    await chmod(passfile, 0o644)
    expect(await mended('passfile', 'passfile-mode', 'ok', { passfile })).toMatchObject({ changes: [{ what: passfile, from: '0644', to: '0600' }] })
    expect((await stat(passfile)).mode & 0o777).toBe(0o600)
    await rename(cluster.archiveDirectory, `${cluster.archiveDirectory}-away`)
    await mended('archive-directory', 'archive-directory', 'ok')
    const made = await stat(cluster.archiveDirectory)
    expect([made.mode & 0o777, made.uid]).toEqual([0o750, uid ?? made.uid])
  })

  test('where nobody at hand is a superuser the SQL is printed and no button offered [C5] [A6]', async () => {
    const stranger = await startAgent({ as: { uid: 65534, gid: 65534 } })
    try {
      await server.sql('create role third login')
      const { lines } = await stranger.call('cluster.check', { cluster: access({ user: 'third', connectionHost: '127.0.0.1' }), announceSegmentSwitch: false, consoleClock: new Date().toISOString() })
      const line = lines.find(({ id }) => id === 'role-privileges')
      expect(line).toMatchObject({ status: 'error', fix: { kind: 'sql', text: expect.stringContaining('GRANT pg_read_all_settings TO third;') as string } })
      expect(line?.apply).toBeUndefined()
    } finally {
      await stranger[Symbol.asyncDispose]()
    }
  })

  test('every fix of the closed list was carried out here', () => {
    expect([...seen].toSorted()).toEqual(Object.keys(fixes).toSorted())
  })
})
