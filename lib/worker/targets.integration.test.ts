// Random targets in random histories: planned by the console, restored, recovered by PostgreSQL, and compared with what was committed when.
// HOWDAH_SEED repeats a history; the seed stands in the name of the tests.
import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testAccount } from '#e2e/hosts/accounts.ts'
import { type Cluster, debianBinaries, endServer, type RunningServer, serverFolder, serverUser, sqlAt, startCluster, startServer } from '#e2e/hosts/cluster.ts'
import { type EndedRun, startTestConsole, type TestConsole } from '#e2e/hosts/console.ts'
import { majorsToTest } from '#e2e/hosts/majors.ts'
import { BALANCES, beginMarks, CLOCK, commitMarks, isAlone, type Line, type Load, type Mark, marksOn, namePoint, pause, startLoad, whileArchiverStands } from '#e2e/hosts/marks.ts'
import { freePort } from '#e2e/hosts/ports.ts'
import { startSshd } from '#e2e/hosts/sshd.ts'
import { type RecoveryTarget, RestoreRequest } from '#lib/contract/restores.ts'
import { formatLsn, type Lsn, lsn, parseLsn } from '#lib/postgres/lsn.ts'
import type { Actor } from '#lib/services/console.ts'
import { planSource, sourceWindow, startRestore } from '#lib/services/restores.ts'
import { testCatalog } from '#scripts/test-catalog.ts'

const run = promisify(execFile)
const seed = Number(process.env['HOWDAH_SEED'] ?? randomInt(2 ** 31))
const isMatrix = process.env['HOWDAH_MATRIX'] === '1'
/** The kinds that `npm test` takes each time; it draws some of the others. */
const ALWAYS = ['a time while the archiver stood still', 'a time while a backup went on', 'the position after the last record']
/** RestoreOnly may do all of it. */
const actor: Actor = { id: null, name: 'Rosa', role: 'restore-only', sessionId: null }

/** What differs between the clusters of the majors, so that all of it occurs. `server`: the agent is the user of the server, and not root. */
const odd: Record<number, { segmentSizeMb: number; agent: 'root' | 'server'; settings?: Record<string, string> }> = {
  12: { segmentSizeMb: 16, agent: 'root' },
  13: { segmentSizeMb: 1, agent: 'server' },
  14: { segmentSizeMb: 16, agent: 'server' },
  15: { segmentSizeMb: 64, agent: 'root' },
  16: { segmentSizeMb: 1, agent: 'root' },
  17: { segmentSizeMb: 1, agent: 'server', settings: { summarize_wal: 'on' } },
  18: { segmentSizeMb: 16, agent: 'root', settings: { summarize_wal: 'on' } },
}

const acts = ['commit', 'commit', 'commit', 'point', 'point', 'switch', 'load', 'quiet', 'stall', 'wal', 'blocks'] as const
type Act = (typeof acts)[number] | 'full'

describe.skipIf(process.getuid?.() !== 0).each(majorsToTest([17]))(`PostgreSQL %i, HOWDAH_SEED=${seed}`, (major) => {
  const { segmentSizeMb, agent, settings = {} } = odd[major] ?? { segmentSizeMb: 16, agent: 'root' }
  const stack = new AsyncDisposableStack()
  const numbers = fc.sample(fc.nat(), { seed: seed + major, numRuns: 2000 }).values()
  const draw = <T>(from: readonly T[]): T => {
    if (from.length === 0) throw new Error('There is nothing to draw from.')
    return from[(numbers.next().value ?? 0) % from.length] as T
  }
  const shuffled = <T>(from: readonly T[]): T[] => from.map((one) => ({ one, place: numbers.next().value ?? 0 })).toSorted((a, b) => a.place - b.place).map(({ one }) => one)

  let cluster: Cluster, console_: TestConsole, folder: string
  const lines: [Line, Line] = [{ timeline: 1, marks: [], points: [] }, { timeline: 2, marks: [], points: [] }]
  /** Committed while no segment came into the archive. */
  const late: Mark[] = []
  const lost: Line = { timeline: 2, marks: [], points: [] }
  let lastLsn: Lsn
  /** After the last commit, and before anything that came then. */
  let idle: string
  let live: { oid: string; path: string; files: Record<string, string> }
  let copies = 0

  const ok = async (ended: EndedRun, state = 'succeeded'): Promise<EndedRun> => {
    expect(ended, await console_.why(ended)).toMatchObject({ state })
    return ended
  }
  /** A place as people name them. */
  const newPlace = (): string => join(folder, `Zurück nach d'été 100% №${(copies += 1)}`)
  const spaceOf = (destination: string): string => join(destination, 'wo anders')
  const requestFor = (target: RecoveryTarget, over: Partial<RestoreRequest> = {}): RestoreRequest => {
    const destination = newPlace()
    return RestoreRequest.parse({ sourceId: console_.sourceId, hostId: console_.hostId, target, destination, ...over })
  }
  const planned = async (request: RestoreRequest) => {
    const answer = await planSource(console_.console, actor, request)
    if (!answer.ok) throw new Error(`${JSON.stringify(request.target)} is refused: ${answer.refusal.reason}`)
    return answer.plan
  }
  const restored = async (request: RestoreRequest, confirmName: string | null = null): Promise<EndedRun> => {
    const { hash } = await planned(request)
    return ok(await console_.ended((await startRestore(console_.console, actor, { ...request, hash, confirmName })).runId))
  }
  const filesBelow = async (path: string): Promise<Record<string, string>> => {
    const names = await readdir(path, { recursive: true })
    return Object.fromEntries(await Promise.all(names.map(async (name) => {
      const { mtimeMs, ctimeMs, size } = await stat(join(path, name))
      return [name, `${size} ${mtimeMs} ${ctimeMs}`] as const
    })))
  }
  /** Asks until it is so; a server that ended meanwhile says why. */
  const until = async (server: RunningServer, condition: string): Promise<void> => {
    for (const end = Date.now() + 60_000; ; await pause(100)) {
      const [row] = await server.sql<{ yes: boolean }>(`select ${condition} as yes`).catch((error: unknown) => {
        throw new Error(`The server has ended: ${server.log().slice(-4000)}`, { cause: error })
      })
      if (row?.yes === true) return
      if (Date.now() > end) throw new Error(`Not yet so: ${condition}. ${server.log().slice(-4000)}`)
    }
  }
  const isOpen = 'not pg_is_in_recovery()'

  beforeAll(async () => {
    const { uid, gid } = await serverUser()
    // Another name of the same account: Debian's own is locked, which sshd does not let in.
    const user = agent === 'server' && uid !== undefined ? stack.use(await testAccount({ uid, gid })) : undefined
    const [sshd, catalog] = [stack.use(await startSshd(user === undefined ? {} : { user })), stack.use(await testCatalog())]
    cluster = stack.use(await startCluster({ major, segmentSizeMb, settings: { track_commit_timestamp: 'on', autovacuum: 'off', ...settings } }))
    folder = cluster.folder
    const { gate } = await beginMarks(cluster, await serverFolder('space'))
    await run(join(debianBinaries, 'pgbench'), ['-i', '-q', '-h', '127.0.0.1', '-p', String(cluster.port), '-U', 'postgres', 'postgres'])
    console_ = stack.use(await startTestConsole({ databaseUrl: catalog.url, ssh: sshd, cluster }))
    const worker = await console_.startWorker()
    stack.defer(() => worker.kill('SIGTERM'))
    await ok(await console_.run('deploy', { hostId: console_.hostId }))
    await ok(await console_.run('test-storage', { storageId: console_.storageId }))

    let n = 0
    let load: Load | null = null
    const commit = (line: Line, count: number, pauseMs?: number): Promise<void> => commitMarks(cluster, line, { count, next: () => (n += 1), ...(pauseMs === undefined ? {} : { pauseMs }) })
    /** With commits before, while and after it goes on. */
    const backup = async (line: Line, level: 'full' | 'incremental'): Promise<void> => {
      let isOver = false
      const committed = async (): Promise<void> => {
        while (!isOver) await commit(line, 2, 50)
      }
      const [ended] = await Promise.all([console_.backup(level).finally(() => (isOver = true)), committed()])
      await ok(ended)
    }
    const quiet = async (): Promise<void> => {
      await load?.stop()
      load = null
    }
    const plays: Record<Act, (line: Line) => Promise<unknown>> = {
      commit: (line) => commit(line, 1 + draw([0, 1, 2, 3])),
      point: (line) => namePoint(cluster, line, `point ${line.timeline}.${line.points.length}`),
      switch: () => cluster.sql('select pg_switch_wal()'),
      load: async () => (load ??= startLoad(cluster)),
      quiet,
      stall: async (line) => {
        const before = line.marks.length
        await whileArchiverStands(cluster, gate, () => commit(line, 2, 200))
        late.push(...line.marks.slice(before))
      },
      wal: (line) => console_.settle({ incrementalMethod: 'wal' }).then(() => backup(line, 'incremental')),
      blocks: (line) => console_.settle({ incrementalMethod: 'blocks' }).then(() => backup(line, 'incremental')),
      full: (line) => backup(line, 'full'),
    }
    const live_ = async (line: Line): Promise<void> => {
      for (const act of shuffled(isMatrix ? [...acts, 'full' as const] : acts)) await plays[act](line)
      await quiet()
      await commit(line, 3)
    }

    const [one, two] = lines
    await console_.settle({})
    await commit(one, 2)
    await backup(one, 'full')
    await live_(one)
    // In place to a point, so that timeline 1 has commits that timeline 2 never saw.
    await namePoint(cluster, one, 'turn')
    two.marks.push(...one.marks)
    two.points.push(...one.points)
    await commit(one, 4)
    await console_.settle({ incrementalMethod: 'wal' })
    await backup(one, 'incremental')
    const back = requestFor({ kind: 'name', name: 'turn' }, { recovery: { kind: 'complete', inPlace: true, port: null, service: null } })
    const { recoveryRunId } = (await restored(back, 'main')).result as { recoveryRunId: string }
    await ok(await console_.ended(recoveryRunId))
    await backup(two, 'full')
    await live_(two)

    // The last segment lies ready for a while, and what is committed meanwhile never reaches the archive.
    await writeFile(gate, '')
    idle = (await cluster.sql<{ now: string }>(`select ${CLOCK} as now`))[0]?.now ?? ''
    await pause(50)
    const [row] = await cluster.sql<{ lsn: string; name: string }>('select pg_walfile_name(pg_current_wal_insert_lsn()) as name, pg_switch_wal()::text as lsn')
    lastLsn = parseLsn(row?.lsn ?? '')
    await commit(lost, 2, 300)
    await rm(gate)
    await console_.collect(row?.name ?? '')
    await cluster.sql('checkpoint')
    const [space] = await cluster.sql<{ oid: string; path: string }>("select oid::text, pg_tablespace_location(oid) as path from pg_tablespace where spcname = 'side'")
    const path = space?.path ?? ''
    live = { oid: space?.oid ?? '', path, files: await filesBelow(path) }
  }, 600_000)
  afterAll(() => stack.disposeAsync())

  /** Restores, opens the copy in one of the ways there are, and answers the rows that it holds. */
  const openedAt = async (target: RecoveryTarget, over: Partial<RestoreRequest> = {}): Promise<number[]> => {
    const how = draw(['start', 'pause', 'elsewhere'] as const)
    const port = await freePort()
    const request = requestFor(target, { ...over, action: how === 'pause' ? 'pause' : 'promote', recovery: how === 'elsewhere' ? { kind: 'complete', inPlace: false, port, service: null } : { kind: 'staging' } })
    const isMoved = draw([true, false])
    if (isMoved) request.tablespaces = { [live.oid]: spaceOf(`${request.destination} —`) }
    const dataDirectory = join(request.destination, 'data')
    const { result } = await restored(request)
    const look = async (server: Pick<RunningServer, 'sql'>): Promise<number[]> => {
      const { mark, aside } = await marksOn(server)
      expect(aside).toEqual(mark)
      const [balances] = await server.sql<Record<string, string>>(BALANCES)
      expect(new Set(Object.values(balances ?? {})).size, JSON.stringify(balances)).toBe(1)
      const [space] = await server.sql<{ path: string; archives: string }>(`select pg_tablespace_location(${live.oid}) as path, current_setting('archive_mode') as archives`)
      expect(space).toEqual({ path: request.tablespaces[live.oid] ?? join(request.destination, 'tablespaces', live.oid), archives: 'off' })
      return mark
    }
    if (how === 'elsewhere') {
      try {
        await ok(await console_.ended((result as { recoveryRunId: string }).recoveryRunId))
        return await look({ sql: sqlAt(port) })
      } finally {
        await endServer(dataDirectory)
      }
    }
    await using server = await startServer({ major, dataDirectory, port })
    await until(server, how === 'pause' ? `${isOpen} or pg_is_wal_replay_paused()` : isOpen)
    const found = await look(server)
    await server.sql('select pg_wal_replay_resume() where pg_is_in_recovery()')
    await until(server, isOpen)
    expect(await look(server)).toEqual(found)
    return found
  }

  interface Case { target: RecoveryTarget; wanted: Mark[]; over?: Partial<RestoreRequest> }
  /** A commit that can be recovered to, on one of the lines that have it, and how that line is asked for. */
  const someMark = async (isWanted: (mark: Mark) => boolean = () => true) => {
    const first = await console_.db.image.findFirstOrThrow({ where: { level: 0 }, orderBy: { endAt: 'asc' } })
    const { line, index, mark } = draw(lines.flatMap((line) => line.marks.map((mark, index) => ({ line, index, mark }))).filter(({ mark }) => mark.begin >= first.endLsn && Date.parse(mark.before) > first.endAt.getTime() && isWanted(mark)))
    return { line, mark, until: line.marks.slice(0, index), through: line.marks.slice(0, index + 1), over: { timeline: line.timeline === 1 ? 1 : draw(['latest', 2] as const) } as const }
  }
  const cases: Record<string, () => Promise<Case>> = {
    'a time between two commits': async () => {
      const { mark, through, over } = await someMark()
      return { target: { kind: 'time', at: mark.after, inclusive: draw([true, false]) }, wanted: through, over }
    },
    'a time while the archiver stood still': async () => {
      const { mark, through, over } = await someMark((one) => late.includes(one))
      return { target: { kind: 'time', at: mark.after, inclusive: true }, wanted: through, over }
    },
    'a time while a backup went on': async () => {
      const images = await console_.db.image.findMany({ where: { content: { not: 'wal' } } })
      const { mark, through, over } = await someMark((one) => images.some(({ beginAt, endAt }) => beginAt < new Date(one.before) && new Date(one.after) < endAt))
      const { image } = await planned(requestFor({ kind: 'time', at: mark.after, inclusive: true }, over))
      expect(Date.parse(image.endAt)).toBeLessThan(Date.parse(mark.after))
      return { target: { kind: 'time', at: mark.after, inclusive: true }, wanted: through, over }
    },
    'the very time of a commit, inclusive': async () => {
      const { mark, through, over } = await someMark(isAlone)
      return { target: { kind: 'time', at: mark.at, inclusive: true }, wanted: through, over }
    },
    'the very time of a commit, exclusive': async () => {
      const { mark, until, over } = await someMark()
      return { target: { kind: 'time', at: mark.at, inclusive: false }, wanted: until, over }
    },
    'a position after a commit': async () => {
      const { mark, through, over } = await someMark()
      return { target: { kind: 'lsn', lsn: formatLsn(mark.end), inclusive: draw([true, false]) }, wanted: through, over }
    },
    'the position of a commit, inclusive': async () => {
      const { mark, through, over } = await someMark(isAlone)
      return { target: { kind: 'lsn', lsn: formatLsn(mark.begin), inclusive: true }, wanted: through, over }
    },
    'the position of a commit, exclusive': async () => {
      const { mark, until, over } = await someMark()
      return { target: { kind: 'lsn', lsn: formatLsn(mark.begin), inclusive: false }, wanted: until, over }
    },
    'a transaction, inclusive': async () => {
      const { mark, through, over } = await someMark()
      return { target: { kind: 'xid', xid: mark.xid, inclusive: true }, wanted: through, over }
    },
    'a transaction, exclusive': async () => {
      const { mark, until, over } = await someMark()
      return { target: { kind: 'xid', xid: mark.xid, inclusive: false }, wanted: until, over }
    },
    'a restore point': async () => {
      const line = draw(lines)
      const { name, after } = draw(line.points)
      return { target: { kind: 'name', name }, wanted: line.marks.slice(0, after), over: { timeline: line.timeline } }
    },
    'the end of a backup': async () => {
      const images = await console_.db.image.findMany({ where: { content: { not: 'wal' } } })
      const isClear = ({ endLsn }: { endLsn: bigint }): boolean => lines.every(({ marks }) => marks.every(({ begin, end }) => endLsn <= begin || end <= endLsn))
      const image = draw(images.filter(isClear))
      const line = image.timeline === 1 ? lines[0] : lines[1]
      return { target: { kind: 'immediate' }, wanted: line.marks.filter(({ end }) => end <= image.endLsn), over: { imageId: image.id, timeline: image.timeline } }
    },
    'the newest state': async () => ({ target: { kind: 'latest' }, wanted: lines[1].marks }),
    'the newest state of the old timeline': async () => ({ target: { kind: 'latest' }, wanted: lines[0].marks, over: { timeline: 1 } }),
    'a time after the last commit': async () => ({ target: { kind: 'time', at: idle, inclusive: draw([true, false]) }, wanted: lines[1].marks }),
    'the position after the last record': async () => ({ target: { kind: 'lsn', lsn: formatLsn(lastLsn), inclusive: draw([true, false]) }, wanted: lines[1].marks }),
    'a commit that only the old timeline has': async () => {
      const { mark, through } = await someMark((one) => !lines[1].marks.includes(one))
      return { target: { kind: 'time', at: mark.after, inclusive: true }, wanted: through, over: { timeline: 1 } }
    },
  }

  const [always, others] = [true, false].map((isAlways) => Object.entries(cases).filter(([name]) => ALWAYS.includes(name) === isAlways)) as [[string, () => Promise<Case>][], [string, () => Promise<Case>][]]
  const chosen = isMatrix ? [...always, ...others, ...always, ...others] : [...always, ...shuffled(others).slice(0, 2)]
  test.each(chosen)('%s is recovered to: rows of before are there, rows of after are not [K6] [K4] [K5] [K7]', async (_, drawn) => {
    const { target, wanted, over } = await drawn()
    expect(await openedAt(target, over), JSON.stringify({ target, over })).toEqual(wanted.map(({ n }) => n))
  })

  test('what lies outside of the window is refused with the nearest moments, and those can be reached [K2]', async () => {
    const images = await console_.db.image.findMany({ where: { level: 0 }, orderBy: { endAt: 'asc' } })
    const [first] = images
    if (first === undefined) throw new Error('There is no full.')
    const { earliest, latest, intervals } = await sourceWindow(console_.console, actor, { sourceId: console_.sourceId })
    const ofTimeline = (timeline: number): string => intervals.filter((one) => one.timeline === timeline).map(({ to }) => to).toSorted().at(-1) ?? ''
    const hour = 3_600_000
    const asked: [RecoveryTarget, { before: string | null; after: string | null }, number?][] = [
      [{ kind: 'time', at: new Date(first.beginAt.getTime() - hour).toISOString(), inclusive: true }, { before: null, after: earliest }],
      [{ kind: 'time', at: new Date((first.beginAt.getTime() + first.endAt.getTime()) / 2).toISOString(), inclusive: true }, { before: null, after: earliest }],
      [{ kind: 'lsn', lsn: formatLsn(lsn(first.beginLsn)), inclusive: true }, { before: null, after: earliest }],
      [{ kind: 'time', at: new Date(Date.now() + hour).toISOString(), inclusive: false }, { before: latest, after: null }],
      [{ kind: 'time', at: lost.marks[0]?.after ?? '', inclusive: true }, { before: latest, after: null }],
      [{ kind: 'lsn', lsn: formatLsn(lsn(lastLsn + (1n << 28n))), inclusive: true }, { before: latest, after: null }],
      [{ kind: 'time', at: idle, inclusive: true }, { before: ofTimeline(1), after: null }, 1],
    ]
    for (const [target, nearest, timeline = 'latest'] of asked) {
      const answer = await planSource(console_.console, actor, requestFor(target, { timeline }))
      expect(answer, JSON.stringify(target)).toMatchObject({ ok: false, refusal: nearest })
      for (const at of Object.values(nearest)) if (at !== null) await planned(requestFor({ kind: 'time', at, inclusive: true }, { timeline }))
    }
    await expect(planSource(console_.console, actor, requestFor({ kind: 'latest' }, { timeline: 9 }))).resolves.toMatchObject({ ok: false })
  })

  test('no restore wrote into the tablespace of the live cluster [K7]', async () => {
    expect(Object.keys(live.files).length).toBeGreaterThan(1)
    expect(await filesBelow(live.path)).toEqual(live.files)
  })
})
