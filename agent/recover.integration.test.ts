// A recovery completed on real servers: in place under load, followed to its target, undone back to the old cluster, done again and released.
import { existsSync } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startAgent, type TestAgent } from '#e2e/hosts/agent.ts'
import { endServer, startServer } from '#e2e/hosts/cluster.ts'
import { contentOf } from '#e2e/hosts/history.ts'
import { majorsToTest } from '#e2e/hosts/majors.ts'
import { freePort } from '#e2e/hosts/ports.ts'
import { copyOf, type Past, pastOf, placeOf, recoverJob, runJob } from '#e2e/hosts/recovery.ts'
import { RecoverResult } from '#lib/protocol/recovery.ts'

const kinds = ['time', 'lsn', 'name'] as const

describe.each(majorsToTest([13, 15, 17, 18]).map((major, index) => [major, kinds[index % kinds.length] ?? 'time'] as const))('PostgreSQL %i, to a target by %s', (major, kind) => {
  let agent: TestAgent
  let past: Past
  beforeAll(async () => {
    agent = await startAgent()
    past = await pastOf(agent, { major, settings: { max_connections: '60', max_prepared_transactions: '7' } })
  })
  afterAll(async () => {
    await past.cluster[Symbol.asyncDispose]()
    await agent[Symbol.asyncDispose]()
  })
  /** Inserts again and again; a server that is stopped in between is no matter. Answers how many rows were acknowledged. */
  const load = () => {
    const state = { stop: false, rows: 0 }
    const work = (async () => {
      while (!state.stop) {
        await past.cluster.sql('insert into load default values').then(() => (state.rows += 1), () => new Promise((resolve) => setTimeout(resolve, 50)))
      }
    })()
    return { end: async () => ((state.stop = true), await work, state.rows), seen: () => state.rows }
  }
  const archived = async (): Promise<string[]> => (await readdir(past.cluster.archiveDirectory)).filter((name) => name.startsWith('00000002'))

  test('in place under load: rows of before the target are there, rows of after are not, and Undo brings the old cluster back untouched; what was recovered goes by Release alone [K6] [K8] [K13] [K9]', async () => {
    const { cluster } = past
    const copy = await copyOf(agent, past, past.targets[kind])
    const begun = load()
    await expect.poll(() => begun.seen()).toBeGreaterThan(5)
    const before = await readFile(join(cluster.dataDirectory, 'postgresql.conf'), 'utf8')
    let archivedBefore: string[] | null = null
    const { events, end, runId } = await runJob(agent, recoverJob(past, copy), async ({ body }) => {
      if (body.kind === 'phase' && body.phase === 'accept') archivedBefore = await archived()
    })
    const acknowledged = await begun.end()
    expect(end?.problem).toBeUndefined()
    const result = RecoverResult.parse(end?.result)
    expect(result).toMatchObject({ timeline: 2, port: cluster.port, archives: true, systemIdentifier: past.stored.result.systemIdentifier })
    expect(result.lastCommitAt).toMatch(/^\d{4}-.*Z$/)
    expect(result.stoppedAt).toContain('recovery stopping')
    expect(events.flatMap(({ body }) => (body.kind === 'phase' ? [body.phase] : []))).toEqual(['check', 'stop', 'safeguard', 'place', 'replay', 'accept', 'open'])
    expect(events.some(({ body }) => body.kind === 'progress' && body.phase === 'replay')).toBe(true)
    expect(events.flatMap(({ body }) => (body.kind === 'command' ? [body.text] : [])).some((text) => text.includes('pg_ctl stop'))).toBe(true)

    // What the load wrote into the recovered server after it opened is no part of the past.
    const now = await contentOf(cluster)
    expect({ ...now, 'postgres.public.load': '' }).toEqual({ ...past.content, 'postgres.public.load': '' })
    expect((await cluster.sql("select count(*)::int as n from mark where word = 'before'"))[0]).toEqual({ n: 5000 })
    expect((await cluster.sql("select count(*)::int as n from mark where word = 'after'"))[0]).toEqual({ n: 0 })
    // Open to its users as before, with its own settings, none of recovery left.
    expect((await cluster.sql("select setting from pg_settings where name in ('restore_command', 'archive_mode') order by name")).map(({ setting }) => String(setting))).toEqual(['on', ''])
    expect((await stat(cluster.dataDirectory)).mode & 0o777).toBe(0o700)

    expect(archivedBefore).toEqual([])
    await cluster.sql('select pg_switch_wal()')
    await expect.poll(archived, { timeout: 10_000 }).toContain('00000002.history')

    const oldPath = result.wayBack.oldPath ?? ''
    expect(oldPath).toBe(`${cluster.dataDirectory}.before-${runId.slice(0, 8)}`)
    const undone = await runJob(agent, { kind: 'undo', systemIdentifier: result.systemIdentifier, copy, place: placeOf(past), wayBack: result.wayBack })
    expect(undone.end?.problem).toBeUndefined()
    expect((await cluster.sql("select count(*)::int as n from mark where word = 'after'"))[0]).toEqual({ n: 1000 })
    expect((await cluster.sql<{ n: number }>('select count(*)::int as n from load'))[0]?.n).toBeGreaterThan(5)
    expect(acknowledged).toBeGreaterThan(5)
    expect(await readFile(join(cluster.dataDirectory, 'postgresql.conf'), 'utf8')).toBe(before)
    expect(existsSync(oldPath)).toBe(false)
    expect((await readdir(cluster.dataDirectory)).filter((name) => name.startsWith('howdah'))).toEqual([])

    // What was recovered is told with its size, and deleted by Release alone.
    const path = `${cluster.dataDirectory}.undone-${runId.slice(0, 8)}`
    const [kept, ...more] = undone.events.flatMap(({ body }) => (body.kind === 'kept' ? [body] : []))
    expect([kept, more]).toEqual([{ kind: 'kept', path, bytes: expect.any(Number) as number, runId }, []])
    expect(kept?.bytes).toBeGreaterThan(20 * 2 ** 20)
    const job = { kind: 'release' as const, runId, systemIdentifier: result.systemIdentifier, path, dataDirectory: cluster.dataDirectory }
    const refused = async (wrong: Partial<typeof job>, why: string) => expect((await runJob(agent, { ...job, ...wrong })).end).toMatchObject({ outcome: 'failed', problem: { code: 'conflict', message: expect.stringContaining(why) as string } })
    const unmarked = path.replace('.undone-', '.failed-')
    await mkdir(unmarked)
    await refused({ path: unmarked }, 'it has no marker')
    await rmdir(unmarked)
    await refused({ systemIdentifier: '1' }, 'its marker names')
    await refused({ runId: crypto.randomUUID() }, 'its name is not one')
    await refused({ path: cluster.dataDirectory }, 'its name is not one')
    const running = await startServer({ major, dataDirectory: path })
    await refused({}, 'a server runs on it')
    await running[Symbol.asyncDispose]()
    const released = await runJob(agent, job)
    expect(released.end).toMatchObject({ outcome: 'succeeded' })
    expect(existsSync(path)).toBe(false)
    expect((await cluster.sql("select count(*)::int as n from mark where word = 'after'"))[0]).toEqual({ n: 1000 })
  })

  test.runIf([15, 18].includes(major))('done again it takes a timeline of its own, and the old copy is deleted only by Release [K8] [K13]', async () => {
    const { cluster } = past
    const copy = await copyOf(agent, past, past.targets[kind])
    const { end, runId } = await runJob(agent, recoverJob(past, copy))
    expect(end?.problem).toBeUndefined()
    const { wayBack, timeline, systemIdentifier } = RecoverResult.parse(end?.result)
    // Timeline 2 lies in the archive since the first time, though the copy's own archive knows nothing of it.
    expect(timeline).toBe(3)
    const oldPath = wayBack.oldPath ?? ''
    const job = { kind: 'release' as const, runId, systemIdentifier, path: oldPath, dataDirectory: cluster.dataDirectory }
    for (const wrong of [{ ...job, systemIdentifier: '1' }, { ...job, runId: crypto.randomUUID() }, { ...job, path: cluster.dataDirectory }, { ...job, path: `${cluster.folder}/archive` }]) {
      expect((await runJob(agent, wrong)).end).toMatchObject({ outcome: 'failed', problem: { code: 'conflict' } })
    }
    expect(existsSync(oldPath)).toBe(true)
    const released = await runJob(agent, job)
    expect(released.end).toMatchObject({ outcome: 'succeeded' })
    expect(existsSync(oldPath)).toBe(false)
    expect((await cluster.sql("select count(*)::int as n from mark where word = 'before'"))[0]).toEqual({ n: 5000 })
  })

  test.runIf(major === 15)('elsewhere on the host the copy opens beside the running cluster, on a port of its own, and never archives [K8] [K13]', async () => {
    const { cluster } = past
    const copy = await copyOf(agent, past, past.targets[kind])
    const port = await freePort()
    // Slow enough to be watched.
    await appendFile(join(copy, 'data', 'postgresql.auto.conf'), `restore_command = 'case %f in *.history) exit 1;; esac; sleep 3; cp "${copy}/archive/%f" "%p"'\n`)
    const { end, events } = await runJob(agent, recoverJob(past, copy, { inPlace: false, dataDirectory: join(copy, 'data'), systemIdentifier: null, port, archiveDirectory: null }))
    try {
      expect(end?.problem).toBeUndefined()
      const { wayBack, archives, databases } = RecoverResult.parse(end?.result)
      expect(wayBack).toMatchObject({ oldPath: null, mode: 'none' })
      expect(archives).toBe(false)
      expect(events.flatMap(({ body }) => (body.kind === 'log' ? [body.text] : [])).filter((text) => /^Replayed to 0\/[0-9A-F]+/.test(text)).length).toBeGreaterThan(0)
      const shares = events.flatMap(({ body }) => (body.kind === 'progress' ? [body.doneBytes / (body.totalBytes ?? 0)] : []))
      expect(shares.length).toBeGreaterThan(1)
      expect(shares).toEqual(shares.toSorted((a, b) => a - b))
      expect(shares.at(-1)).toBeLessThanOrEqual(1)
      expect(databases.map(({ name }) => name)).toContain('postgres')
      expect(await readFile(join(copy, 'data', 'postgresql.auto.conf'), 'utf8')).toContain("archive_mode = 'off'")
      expect((await cluster.sql('select 1 as one'))[0]).toEqual({ one: 1 })
      const undone = await runJob(agent, { kind: 'undo', systemIdentifier: null, copy, place: { ...placeOf(past), inPlace: false, dataDirectory: join(copy, 'data'), systemIdentifier: null, port }, wayBack })
      expect(undone.end).toMatchObject({ outcome: 'succeeded', result: { isRunning: false } })
      expect(existsSync(join(copy, 'data', 'postmaster.pid'))).toBe(false)
    } finally {
      await endServer(join(copy, 'data'))
    }
  })
})
