// Each step of a recovery failing once, on a real server: what can be refused is refused before anything is touched, and after anything else the old cluster runs again by itself.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { appendFile, chmod, chown, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { followRun, newRunId, startAgent, type TestAgent } from '#e2e/hosts/agent.ts'
import { asServerUser, endServer, sqlAt } from '#e2e/hosts/cluster.ts'
import { type AgentHolds, agentHolds } from '#e2e/hosts/holds.ts'
import { freePort } from '#e2e/hosts/ports.ts'
import { copyOf, type Past, pastOf, placeOf, recoverJob, runJob, takePort } from '#e2e/hosts/recovery.ts'
import type { RunEvent } from '#lib/domain/event.ts'
import type { RecoveryPlace } from '#lib/domain/recovery-place.ts'
import type { Job } from '#lib/protocol/cluster.ts'
import { RecoverResult } from '#lib/protocol/recovery.ts'
import { runningServer } from './running-server.ts'

const pidOf = async (dataDirectory: string): Promise<number> => Number((await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8')).split('\n')[0])
const isPhase = ({ body }: RunEvent, phase: string): boolean => body.kind === 'phase' && body.phase === phase

describe('a recovery in place that fails', () => {
  let agent: TestAgent
  let holds: AgentHolds
  let past: Past
  let copy: string
  beforeAll(async () => {
    holds = await agentHolds()
    agent = await startAgent({ env: holds.environment })
    past = await pastOf(agent, { major: 15 })
    copy = await copyOf(agent, past, past.targets.lsn)
  })
  afterAll(async () => {
    await past.cluster[Symbol.asyncDispose]()
    await agent[Symbol.asyncDispose]()
    await holds[Symbol.asyncDispose]()
  })
  /** Whatever happened: the old cluster runs with all its rows, and nothing of a recovery is left in it. */
  afterEach(async () => {
    const { cluster } = past
    expect((await cluster.sql("select count(*)::int as n from mark where word = 'after'"))[0]).toEqual({ n: 1000 })
    expect((await cluster.sql("select setting from pg_settings where name = 'archive_mode'"))[0]).toEqual({ setting: 'on' })
    expect((await readdir(cluster.dataDirectory)).filter((name) => name.includes('howdah'))).toEqual([])
    expect((await readdir(cluster.folder)).filter((name) => name.includes('.before-'))).toEqual([])
  })

  test('is refused before anything is touched where that can be seen [K8] [K3]', async () => {
    const { cluster } = past
    const before = await pidOf(cluster.dataDirectory)
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const address = taken.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const refused = async (job: Parameters<typeof runJob>[1], code: string, words: string): Promise<void> => {
      const { end, events } = await runJob(agent, job)
      expect(end).toMatchObject({ outcome: 'failed', problem: { code } })
      expect(`${end?.problem?.message} ${end?.problem?.detail ?? ''} ${end?.problem?.hint ?? ''}`).toContain(words)
      expect(events.some((event) => isPhase(event, 'stop'))).toBe(false)
    }
    await refused(recoverJob(past, copy, { port }), 'conflict', `Port ${port} is taken by another server`)
    await refused(recoverJob(past, copy, { systemIdentifier: '1' }), 'conflict', 'is not the cluster that was expected there')
    await refused({ ...recoverJob(past, copy), major: 17 }, 'recovery-failed', 'is a copy of PostgreSQL 15, not 17')
    await refused({ ...recoverJob(past, copy), systemIdentifier: '1' }, 'recovery-failed', 'is a copy of another cluster')
    await refused(recoverJob(past, join(cluster.folder, 'nowhere')), 'recovery-failed', 'holds no restored copy')
    await refused(recoverJob(past, copy, { dataDirectory: cluster.archiveDirectory }), 'destination-refused', 'is no data directory')
    await refused(recoverJob(past, copy, { service: { kind: 'systemd', unit: 'nothing-of-that-name.service', sudo: false } }), 'recovery-failed', 'nothing-of-that-name.service')
    await refused(recoverJob(past, copy, { service: { kind: 'command', stop: '/no/such/program', start: '/no/such/program' } }), 'recovery-failed', '/no/such/program is not found')
    const { uid } = await asServerUser()
    if (uid !== undefined) {
      await chown(join(copy, 'data'), 0, 0)
      await refused(recoverJob(past, copy), 'privilege-missing', `chown -R ${uid}`)
      await chown(join(copy, 'data'), uid, uid)
    }
    expect(await pidOf(cluster.dataDirectory)).toBe(before)
    await new Promise((resolve) => taken.close(resolve))
  })

  test('is refused when the lock file names the server of another cluster [K8]', async () => {
    const other = await mkdtemp(join(tmpdir(), 'howdah-other-'))
    await writeFile(join(other, 'postmaster.pid'), `${await pidOf(past.cluster.dataDirectory)}\n${other}\n0\n5432\n`)
    await expect(runningServer(other)).rejects.toMatchObject({ problem: { code: 'conflict', message: expect.stringContaining('which is a server on') as string } })
    // A number that was given to something else since is no server.
    await writeFile(join(other, 'postmaster.pid'), `${process.pid}\n${other}\n0\n5432\n`)
    expect(await runningServer(other)).toBeNull()
    await rm(other, { recursive: true })
  })

  test('with a setting the server does not start with: its last lines are told, and the copy is where it was [K8]', async () => {
    const conf = join(copy, 'data', 'postgresql.conf')
    const good = await readFile(conf, 'utf8')
    await appendFile(conf, "\nshared_buffers = 'nonsense'\n")
    const { end, events } = await runJob(agent, recoverJob(past, copy))
    expect(events.some((event) => isPhase(event, 'replay'))).toBe(true)
    expect(end).toMatchObject({ outcome: 'failed', problem: { code: 'recovery-failed', message: expect.stringContaining('The old cluster runs again') as string, detail: expect.stringContaining('shared_buffers') as string } })
    await writeFile(conf, good)
    expect(existsSync(join(copy, 'data', 'recovery.signal'))).toBe(true)
  })

  test('at a target that is not in the WAL: the old cluster is back, and the copy can be tried again [K8] [K6]', async () => {
    const auto = join(copy, 'data', 'postgresql.auto.conf')
    const good = await readFile(auto, 'utf8')
    await appendFile(auto, "\nrecovery_target_lsn = ''\nrecovery_target_name = 'never made'\n")
    const { end } = await runJob(agent, recoverJob(past, copy))
    expect(end).toMatchObject({ outcome: 'failed', problem: { code: 'recovery-failed', message: expect.stringContaining('The old cluster runs again') as string, detail: expect.stringContaining('recovery ended before configured recovery target was reached') as string } })
    await writeFile(auto, good)
  })

  /** A service of the host that does what `first` says before it starts the server. */
  const scriptService = async (first: string): Promise<RecoveryPlace['service']> => {
    const { cluster } = past
    const script = join(cluster.folder, 'service')
    const pgCtl = `'${cluster.binaries}/pg_ctl' "$1" -D '${cluster.dataDirectory}' -w`
    await writeFile(script, `#!/bin/sh
if [ "$1" = stop ]; then exec ${pgCtl} -m fast; fi
${first}
exec ${pgCtl} -l '${join(cluster.folder, 'service.log')}' -o "-c port=${cluster.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${cluster.socketDirectory}"
`)
    await chmod(script, 0o755)
    return { kind: 'command', stop: `'${script}' stop`, start: `'${script}' start` }
  }

  test('because its service does not start it: the old one is started again by the same commands, and what had opened is deleted by Release [K8]', async () => {
    const { cluster } = past
    const own = (name: string) => join(cluster.folder, name)
    await writeFile(own('broken'), '')
    const { uid, gid } = await asServerUser()
    if (uid !== undefined && gid !== undefined) await chown(own('broken'), uid, gid)
    const service = await scriptService(`if [ -e '${own('broken')}' ]; then rm '${own('broken')}'; echo 'the unit is broken' >&2; exit 1; fi`)
    const once = await copyOf(agent, past, past.targets.name)
    const { end, events, runId } = await runJob(agent, recoverJob(past, once, { service }))
    expect(end).toMatchObject({ outcome: 'failed', problem: { code: 'recovery-failed', message: expect.stringContaining('The old cluster runs again') as string, detail: expect.stringContaining('the unit is broken') as string, hint: expect.stringContaining('restore again') as string } })
    // It had opened: started by hand it must not archive beside the old one.
    const failed = `${cluster.dataDirectory}.failed-${runId.slice(0, 8)}`
    expect(await readFile(join(failed, 'postgresql.auto.conf'), 'utf8')).toContain("archive_mode = 'off'")
    // It stays until it is released.
    expect(events.flatMap(({ body }) => (body.kind === 'kept' ? [body] : []))).toEqual([{ kind: 'kept', path: failed, bytes: expect.any(Number) as number, runId }])
    const release = await runJob(agent, { kind: 'release', runId, systemIdentifier: past.stored.result.systemIdentifier, path: failed, dataDirectory: cluster.dataDirectory })
    expect(release.end).toMatchObject({ outcome: 'succeeded' })
    expect(existsSync(failed)).toBe(false)
    expect((await cluster.sql("select count(*)::int as n from mark where word = 'after'"))[0]).toEqual({ n: 1000 })
  })

  test('elsewhere, when only the last start fails: it is recovered then, and the command that is told starts it, on its own port and archiving nowhere [K8] [K13]', async () => {
    const once = await copyOf(agent, past, past.targets.name)
    const [data, port] = [join(once, 'data'), await freePort()]
    const conf = join(data, 'postgresql.conf')
    const good = await readFile(conf, 'utf8')
    await appendFile(conf, "\nlogging_collector = on\nlog_directory = '/proc/nowhere'\n")
    const { end } = await runJob(agent, recoverJob(past, once, { inPlace: false, dataDirectory: data, systemIdentifier: null, port, archiveDirectory: null }))
    expect(end).toMatchObject({ outcome: 'failed', problem: { code: 'recovery-failed', message: expect.stringContaining('did not start') as string, detail: expect.stringContaining('/proc/nowhere') as string } })
    const [, command = ''] = /then start it by hand: (.*)$/.exec(end?.problem?.hint ?? '') ?? []
    await writeFile(conf, good)
    try {
      await promisify(execFile)('/bin/sh', ['-c', command], { ...(await asServerUser()), cwd: '/' })
      const [row] = await sqlAt(port)("select current_setting('archive_mode') as mode, (select count(*)::int from mark where word = 'before') as rows")
      expect(row).toEqual({ mode: 'off', rows: 5000 })
    } finally {
      await endServer(data)
    }
  })

  test.each(['stop', 'accept'])('because another program takes its port from the step "%s" on: the old one starts as soon as it is free [K8]', async (phase) => {
    const mine = await copyOf(agent, past, past.targets.lsn)
    const { port } = past.cluster
    let taken: Promise<AsyncDisposable> | null = null
    let isWaiting = false
    const { end } = await runJob(agent, recoverJob(past, mine), async (event) => {
      if (isPhase(event, phase)) taken = takePort(port)
      if (event.body.kind !== 'log' || !event.body.text.includes('starts as soon as it is free')) return
      isWaiting = true
      await new Promise((resolve) => setTimeout(resolve, 500))
      await (await taken)?.[Symbol.asyncDispose]()
    })
    expect(isWaiting).toBe(true)
    const message = end?.problem?.message ?? ''
    expect(message).toMatch(/^Port \d+ (?:was taken by another program as soon as the server had stopped|is taken by another program, so the recovered server did not start)\. The old cluster runs again/)
    // Seen at once it costs no replay, and the copy may be tried again; one that had opened may not.
    const isSeenAtOnce = message.includes('had stopped')
    if (phase === 'accept') expect(isSeenAtOnce).toBe(false)
    expect(existsSync(join(mine, 'data', 'recovery.signal'))).toBe(isSeenAtOnce)
    expect(end).toMatchObject({ outcome: 'failed', problem: { code: 'conflict', hint: expect.stringMatching(new RegExp(`ss -ltnp 'sport = :${port}'.*${isSeenAtOnce ? 'complete the recovery again' : 'restore again'}`)) as string } })
  })

  test.runIf(process.getuid?.() === 0).each(['data/base/1/pg_filenode.map', 'data/global', 'archive'])('%s of the copy belongs to somebody else: nothing is touched before it is mended as the problem says [K8] [K3]', async (path) => {
    const mine = await usableCopy()
    const before = await pidOf(past.cluster.dataDirectory)
    await chown(join(mine, path), 0, 0)
    await chown(join(mine, 'data', 'postgresql.conf'), 0, 0) // an administrator's own file is none of it
    const { end, events } = await runJob(agent, recoverJob(past, mine))
    expect(end).toMatchObject({ outcome: 'failed', problem: { code: 'privilege-missing', message: expect.stringContaining(`${join(mine, path)} belongs to user id 0`) as string } })
    expect(events.some((event) => isPhase(event, 'stop'))).toBe(false)
    expect(await pidOf(past.cluster.dataDirectory)).toBe(before)
    const [, command = ''] = /^Run on the host as root: (.*)$/.exec(end?.problem?.hint ?? '') ?? []
    await promisify(execFile)('/bin/sh', ['-c', command])
  })

  /** One that was not opened is where it was restored, and serves again. */
  const usableCopy = async (): Promise<string> => {
    if (!existsSync(join(copy, 'data', 'recovery.signal'))) copy = await copyOf(agent, past, past.targets.lsn)
    return copy
  }

  /** Starts it, and returns as soon as it stands in this step. */
  const heldIn = async (runId: string, job: Job, phase: string): Promise<void> => {
    await holds.clear()
    await holds.arm({ label: `phase ${phase}`, occurrence: 1 })
    expect(await agent.call('run.start', { runId, job })).toEqual({ started: true })
    await expect.poll(() => holds.isHeld(), { timeout: 60_000, interval: 20 }).toBe(true)
  }
  const killed = async (runId: string, pid: number): Promise<void> => {
    process.kill(pid, 'SIGKILL')
    await holds.clear()
    expect((await followRun(agent, runId)).end).toBeNull()
  }

  test.each(['stop', 'place', 'replay'])('because it is cancelled in the step "%s": the old cluster runs, and the copy is kept [K9]', async (phase) => {
    const mine = await usableCopy()
    const runId = newRunId()
    await heldIn(runId, recoverJob(past, mine), phase)
    await agent.call('run.cancel', { runId })
    await holds.release()
    const { end } = await followRun(agent, runId)
    // A step may be over before the cancel is heard; what was promoted by then is kept under another name.
    expect(end).toMatchObject({ outcome: 'cancelled', problem: { code: 'cancelled', message: expect.stringMatching(/The old cluster (runs again|is untouched)/) as string } })
    expect(existsSync(join(mine, 'data', 'recovery.signal')) || existsSync(`${past.cluster.dataDirectory}.failed-${runId.slice(0, 8)}`)).toBe(true)
  })

  test.each(['stop', 'place', 'replay', 'accept'])('because its process is killed in the step "%s": the one that follows it puts everything back [K8]', async (phase) => {
    const mine = await usableCopy()
    const runId = newRunId()
    const job = recoverJob(past, mine)
    await heldIn(runId, job, phase)
    await killed(runId, await holds.pid())
    await expect(agent.call('run.release', { runId })).rejects.toMatchObject({ problem: { code: 'conflict' } })
    expect(await agent.call('run.start', { runId, job })).toEqual({ started: true })
    const { events, end } = await followRun(agent, runId)
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
    expect(end).toMatchObject({ outcome: 'failed', problem: { code: 'recovery-failed', message: expect.stringContaining('The old cluster') as string } })
    expect(await agent.call('run.start', { runId, job })).toEqual({ started: false })
    await agent.call('run.release', { runId })
  })

  test.each(['as it opens', 'while its server starts'])('in nothing, when its process is killed %s: it was accepted, so the one that follows opens it, and Undo is the way back [K8]', async (when) => {
    const mine = await usableCopy()
    const runId = newRunId()
    const job = recoverJob(past, mine, { service: await scriptService('sleep 3') })
    await heldIn(runId, job, 'open')
    const pid = await holds.pid()
    if (when === 'while its server starts') {
      await holds.release()
      await expect.poll(() => existsSync(join(agent.home, 'runs', runId, 'service.pid')), { timeout: 60_000, interval: 20 }).toBe(true)
    }
    await killed(runId, pid)
    await agent.call('run.start', { runId, job })
    const { end } = await followRun(agent, runId)
    expect(end?.problem).toBeUndefined()
    const { wayBack, systemIdentifier } = RecoverResult.parse(end?.result)
    expect((await past.cluster.sql("select count(*)::int as n from mark where word = 'after'"))[0]).toEqual({ n: 0 })
    // Undo, too, is finished by whoever comes after a process that was killed.
    const undo = { kind: 'undo' as const, systemIdentifier, copy: mine, place: placeOf(past), wayBack }
    const undoId = newRunId()
    await heldIn(undoId, undo, 'swap')
    await killed(undoId, await holds.pid())
    await agent.call('run.start', { runId: undoId, job: undo })
    expect((await followRun(agent, undoId)).end).toMatchObject({ outcome: 'succeeded', result: { isRunning: true } })
  })
})
