// Recoveries through the run loop on real parts (sshd, PostgreSQL, agent as root, worker): planned with a restore or after it, cut off, undone, released.
import { existsSync } from 'node:fs'
import { appendFile, chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { asServerUser, startCluster, startServer, type Cluster } from '#e2e/hosts/cluster.ts'
import { startTestConsole, type TestConsole, type WorkerProcess } from '#e2e/hosts/console.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import type { RecoveryPlace } from '#lib/domain/recovery-place.ts'
import { loadMasterKey } from '#lib/secrets/master-key.ts'
import { createSealer } from '#lib/secrets/seal.ts'
import type { Actor, Console } from '#lib/services/console.ts'
import { listRecoveries, planRecovery, releaseRecovery, startRecovery, undoRecovery } from '#lib/services/recoveries.ts'
import { testCatalog, type TestCatalog } from '#scripts/test-catalog.ts'
import { consoleOf } from './console-port.ts'

const isRoot = process.getuid?.() === 0

describe.skipIf(!isRoot)('a recovery through the run loop', () => {
  let cluster: Cluster, sshd: Sshd, catalog: TestCatalog, console_: TestConsole, worker: WorkerProcess, port: Console
  let moment: number
  /** RestoreOnly may do all of it. */
  const actor: Actor = { id: null, name: 'Rosa', role: 'restore-only', sessionId: null }
  const admin: Actor = { id: null, name: 'Ada', role: 'administrator', sessionId: null }
  beforeAll(async () => {
    ;[cluster, sshd, catalog] = await Promise.all([startCluster({ major: 17 }), startSshd(), testCatalog()])
    console_ = await startTestConsole({ databaseUrl: catalog.url, ssh: sshd, cluster, settings: { retries: 0, maxWalWaitSeconds: 20 } })
    worker = await console_.startWorker()
    const nothing = () => {}
    port = consoleOf({ db: console_.db, queue: { enqueueRun: () => Promise.resolve() }, sealer: createSealer(await loadMasterKey({ home: console_.home })), version: '0', log: { info: nothing, warn: nothing, error: nothing } })
    expect(await console_.run('deploy', { hostId: console_.hostId })).toMatchObject({ state: 'succeeded' })
    expect(await console_.run('test-storage', { storageId: console_.storageId })).toMatchObject({ state: 'succeeded' })
    await cluster.sql('create table t as select g as id from generate_series(1, 20000) g')
    const full = await console_.backup('full')
    expect(full, JSON.stringify([full.problemMessage, full.problemDetail])).toMatchObject({ state: 'succeeded' })
    await cluster.sql('insert into t select g from generate_series(20001, 30000) g')
    await new Promise((resolve) => setTimeout(resolve, 1100))
    moment = Date.now()
    await new Promise((resolve) => setTimeout(resolve, 1100))
    await cluster.sql('delete from t where id > 10')
    expect(await console_.backup('incremental')).toMatchObject({ state: 'succeeded' })
  })
  afterAll(async () => {
    await worker?.kill('SIGTERM')
    await console_?.[Symbol.asyncDispose]()
    await Promise.all([cluster?.[Symbol.asyncDispose](), sshd?.[Symbol.asyncDispose](), catalog?.[Symbol.asyncDispose]()])
  })
  const rows = async (): Promise<number> => (await cluster.sql<{ n: number }>('select count(*)::int as n from t'))[0]?.n ?? -1
  const inPlace = async (): Promise<NonNullable<Parameters<TestConsole['beginRestore']>[2]>> => {
    const { systemIdentifier } = await console_.db.image.findFirstOrThrow()
    const place: RecoveryPlace = { dataDirectory: cluster.dataDirectory, inPlace: true, systemIdentifier, service: { kind: 'pg_ctl' }, port: cluster.port, configFile: null, archiveDirectory: cluster.archiveDirectory, binaries: cluster.binaries, user: 'postgres' }
    return { systemIdentifier, place }
  }
  const phaseOf = (runId: string, phase: string) => expect.poll(async () => (await console_.texts(runId)).includes(`phase ${phase}`), { timeout: 60_000, interval: 20 }).toBe(true)

  test('a restore that was planned to be completed goes on by itself; Undo brings the old cluster back, and backups begin again with a full each time [K8] [K6] [K11]', async () => {
    const { runId } = await console_.beginRestore(join(cluster.folder, 'copy one'), { target: { kind: 'time', at: moment, inclusive: true } }, await inPlace())
    const restored = await console_.ended(runId)
    expect(restored, JSON.stringify(await console_.texts(runId))).toMatchObject({ state: 'succeeded' })
    const { recoveryRunId } = z.object({ recoveryRunId: z.uuid() }).parse(restored.result)
    const recovered = await console_.ended(recoveryRunId)
    expect(recovered, JSON.stringify(await console_.texts(recoveryRunId))).toMatchObject({ state: 'succeeded', kind: 'recover', result: { timeline: 2 } })
    expect(await rows()).toBe(30_000)
    const [row] = await listRecoveries(port, actor, {})
    expect(row).toMatchObject({ id: recoveryRunId, state: 'active', inPlace: true, canUndo: true, canRelease: true, timeline: 2 })
    expect(existsSync(row?.oldPath ?? '')).toBe(true)
    expect((await console_.db.source.findUniqueOrThrow({ where: { id: console_.sourceId } })).needsFullReason).toContain('was recovered')
    expect(await console_.backup('auto')).toMatchObject({ state: 'succeeded', level: 0 })

    const undone = await console_.ended((await undoRecovery(port, actor, { id: recoveryRunId })).runId)
    expect(undone, JSON.stringify([undone.problemMessage, undone.problemDetail])).toMatchObject({ state: 'succeeded', kind: 'undo' })
    expect(await rows()).toBe(10)
    await expect(undoRecovery(port, actor, { id: recoveryRunId })).rejects.toMatchObject({ problem: { code: 'conflict' } })

    // The newest state is that of the cluster that is back, though the timeline it left is newer and has a full of its own.
    expect(await console_.run('collect-wal', { source: await console_.frozen(), storageId: console_.storageId, switchFirst: true })).toMatchObject({ state: 'succeeded' })
    const newest = join(cluster.folder, 'newest')
    expect((await console_.restore(newest)).plan).toMatchObject({ timeline: 1, image: { timeline: 1 } })
    {
      await using server = await startServer({ major: 17, dataDirectory: join(newest, 'data') })
      await expect.poll(async () => (await server.sql<{ n: number }>('select count(*)::int as n from t'))[0]?.n, { timeout: 30_000 }).toBe(10)
    }
    expect(await console_.backup('auto')).toMatchObject({ state: 'succeeded', level: 0 })

    // What was recovered is deleted by Release too, once.
    await releases(recoveryRunId, 'undone')
  })

  /** What a recovery left is shown, deleted, and then nothing is left. */
  const releases = async (id: string, state: 'undone' | 'failed'): Promise<void> => {
    const path = `${cluster.dataDirectory}.${state}-${id.slice(0, 8)}`
    const one = async () => (await listRecoveries(port, actor, {})).find((row) => row.id === id)
    expect(await one()).toMatchObject({ state, canUndo: false, canRelease: true, releasable: { path, bytes: expect.any(Number) as number } })
    expect(existsSync(path)).toBe(true)
    const released = await console_.ended((await releaseRecovery(port, actor, { id })).runId)
    expect(released, JSON.stringify([released.problemMessage, released.problemDetail])).toMatchObject({ state: 'succeeded', kind: 'release' })
    expect(existsSync(path)).toBe(false)
    expect(await one()).toMatchObject({ state, canRelease: false, releasable: null })
    await expect(releaseRecovery(port, actor, { id })).rejects.toMatchObject({ problem: { code: 'conflict' } })
    expect(await rows()).toBe(10)
  }

  test('what had opened before its service failed is kept until it is released [K8]', async () => {
    const own = (name: string) => join(cluster.folder, name)
    const { uid = 0, gid = 0 } = await asServerUser()
    const pgCtl = `setpriv --reuid ${uid} --regid ${gid} --clear-groups -- '${cluster.binaries}/pg_ctl'`
    await writeFile(own('service'), `#!/bin/sh\nif [ "$1" = start ] && [ -e '${own('broken')}' ]; then rm '${own('broken')}'; exit 1; fi\nif [ "$1" = stop ]; then exec ${pgCtl} stop -D '${cluster.dataDirectory}' -m fast -w; fi\nexec ${pgCtl} start -D '${cluster.dataDirectory}' -w -l '${cluster.dataDirectory}/service.log' -o "-c port=${cluster.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${cluster.socketDirectory}"\n`)
    await chmod(own('service'), 0o755)
    await writeFile(own('broken'), '')
    const { runId: restoreRunId } = await console_.beginRestore(own('copy of a failure'), { target: { kind: 'time', at: moment, inclusive: true } })
    expect(await console_.ended(restoreRunId)).toMatchObject({ state: 'succeeded' })
    const request = { restoreRunId, inPlace: true, port: null, service: { kind: 'command', stop: `'${own('service')}' stop`, start: `'${own('service')}' start` } } as const
    const { runId } = await startRecovery(port, admin, { ...request, hash: (await planRecovery(port, admin, request)).hash, confirmName: 'main' })
    const failed = await console_.ended(runId)
    expect(failed, JSON.stringify(await console_.texts(runId))).toMatchObject({ state: 'failed', problemMessage: expect.stringContaining('The old cluster runs again') as string })
    await releases(runId, 'failed')
  })

  test('a copy that could never take the place is refused before it is restored [K3] [K8]', async () => {
    const { runId } = await console_.beginRestore(`/dev/shm/howdah-test-${process.pid}`, { target: { kind: 'latest' } }, await inPlace())
    expect(await console_.ended(runId)).toMatchObject({ state: 'failed', problemCode: 'destination-refused', problemHint: expect.stringContaining(`${cluster.folder}/restored`) as string })
    expect(existsSync(`/dev/shm/howdah-test-${process.pid}`)).toBe(false)
  })

  test('from a copy that was only restored it is planned and confirmed by name; cut off on all sides in the middle, the old cluster runs again [K8] [K9] [A8]', async () => {
    let copies = 1
    let last = { restoreRunId: '', destination: '' }
    /** A copy that was not opened is where it was restored, and serves again. */
    const copy = async (): Promise<string> => {
      if (existsSync(join(last.destination, 'data', 'recovery.signal'))) return last.restoreRunId
      copies += 1
      const destination = join(cluster.folder, `copy ${copies}`)
      const { runId } = await console_.beginRestore(destination, { target: { kind: 'time', at: moment, inclusive: true } })
      expect(await console_.ended(runId)).toMatchObject({ state: 'succeeded' })
      last = { restoreRunId: runId, destination }
      // Slow enough to be cut off, and to be cancelled by a worker that looks every two seconds.
      await appendFile(join(destination, 'data', 'postgresql.auto.conf'), `restore_command = 'case %f in *.history) ;; *) sleep 3;; esac; cp "${destination}/archive/%f" "%p"'\n`)
      return runId
    }
    const begin = async () => {
      const request = { restoreRunId: await copy(), inPlace: true, port: null, service: null }
      return startRecovery(port, actor, { ...request, hash: (await planRecovery(port, actor, request)).hash, confirmName: 'main' })
    }
    await console_.run('describe', { hostId: console_.hostId })
    const asked = { restoreRunId: await copy(), inPlace: true, port: null, service: null }
    const plan = await planRecovery(port, actor, asked)
    expect(plan).toMatchObject({ confirmName: 'main', dataDirectory: cluster.dataDirectory, serviceKind: 'pg_ctl', stopCommand: expect.stringContaining(`pg_ctl stop -D ${cluster.dataDirectory}`) as string })
    await expect(startRecovery(port, actor, { ...asked, hash: plan.hash, confirmName: 'mian' })).rejects.toMatchObject({ problem: { code: 'invalid-input', fields: [{ path: 'confirmName' }] } })
    await expect(startRecovery(port, actor, { ...asked, inPlace: false, hash: plan.hash, confirmName: null })).rejects.toMatchObject({ problem: { code: 'conflict' } })
    await expect(planRecovery(port, actor, { ...asked, service: { kind: 'command', stop: '/bin/true', start: '/bin/true' } })).rejects.toMatchObject({ problem: { code: 'forbidden' } })

    const { runId } = await startRecovery(port, actor, { ...asked, hash: plan.hash, confirmName: 'main' })
    await phaseOf(runId, 'stop')
    const { process: one } = z.object({ process: z.object({ pid: z.int() }) }).parse(JSON.parse(await readFile(join(sshd.home, '.howdah-agent', 'runs', runId, 'state.json'), 'utf8')))
    process.kill(one.pid, 'SIGKILL')
    await worker.kill('SIGKILL')
    worker = await console_.startWorker()
    const ended = await console_.ended(runId)
    expect(ended, JSON.stringify(await console_.texts(runId))).toMatchObject({ state: 'failed', problemCode: 'recovery-failed', problemMessage: expect.stringContaining('The old cluster') as string })
    expect(await rows()).toBe(10)
    expect((await listRecoveries(port, actor, {}))[0]).toMatchObject({ id: runId, state: 'failed', canUndo: false })

    // The same plan can be tried again, and a person may stop it.
    const again = await begin()
    await phaseOf(again.runId, 'stop')
    await console_.cancel(again.runId)
    const stopped = await console_.ended(again.runId)
    expect(stopped, JSON.stringify([stopped.state, stopped.problemMessage, stopped.problemDetail, await console_.texts(again.runId)])).toMatchObject({ state: 'cancelled', problemCode: 'cancelled', problemMessage: expect.stringContaining('The old cluster') as string })
    expect(await rows()).toBe(10)

    // With its worker killed alone, the host carries it out all the same, and the next worker takes it from there.
    const third = await begin()
    await phaseOf(third.runId, 'stop')
    await worker.kill('SIGKILL')
    worker = await console_.startWorker()
    expect(await console_.ended(third.runId)).toMatchObject({ state: 'succeeded' })
    expect(await rows()).toBe(30_000)

    const oldPath = (await listRecoveries(port, actor, {}))[0]?.oldPath ?? ''
    expect(existsSync(oldPath)).toBe(true)
    expect(await console_.ended((await releaseRecovery(port, actor, { id: third.runId })).runId)).toMatchObject({ state: 'succeeded', kind: 'release' })
    expect(existsSync(oldPath)).toBe(false)
    expect(await rows()).toBe(30_000)
    expect((await listRecoveries(port, actor, {}))[0]).toMatchObject({ state: 'released', canUndo: false, canRelease: false })
  })
})
