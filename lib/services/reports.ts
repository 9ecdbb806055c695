/** What happened: backup runs in amreport's order, days, trends, the phases of a group, hosts, and what was verified. */
import { Temporal } from 'temporal-polyfill'
import type { ImageRow } from '#lib/db/image-lists.ts'
import type { GroupRow, RunRow } from '#lib/db/run-lists.ts'
import { groupState, type RunState } from '#lib/domain/run.ts'
import type { Actor, Console } from './console.ts'
import { shownHost } from './hosts.ts'
import { ratio } from './images.ts'
import { found, invalid, iso, isoOrNull } from './invalid.ts'
import { phaseSpans, shownRun, viewGroups, type Mark } from './run-view.ts'
import type { Input, Output } from './shapes.ts'

type Report = Output<'report', 'runs'>
type Row = Report['rows'][number]
type Period = Input<'report', 'runs'>
/** All that a report asks of the console. */
type Reading = Pick<Console, 'db' | 'now' | 'version'>

const dates = ({ from, to }: Pick<Period, 'from' | 'to'>): { from: Date | undefined; before: Date | undefined } => ({ from: from === undefined ? undefined : new Date(from), before: to === undefined ? undefined : new Date(to) })
const groupsOf = ({ db }: Reading, period: Pick<Period, 'setId' | 'from' | 'to'>): Promise<GroupRow[]> => db.runs.listGroups({ setId: period.setId, kinds: ['backup'], ...dates(period) })

const seconds = (begin: Date | null, end: Date | null): number | null => (begin === null || end === null ? null : Math.max(0, end.getTime() - begin.getTime()) / 1000)
const rate = (bytes: number, time: number | null): number | null => (time === null || time === 0 ? null : bytes / time)

function rowOf(group: GroupRow, run: RunRow, image: ImageRow | undefined, marks: readonly Mark[]): Row {
  const [rawBytes, storedBytes] = [image?.rawBytes ?? run.doneBytes, image?.storedBytes ?? run.storedBytes]
  const copy = phaseSpans(run, marks).find((span) => span.phase === 'copy')
  const copySeconds = copy?.beginAt && copy.endAt ? seconds(new Date(copy.beginAt), new Date(copy.endAt)) : null
  return {
    runId: run.id, groupId: group.id, at: iso(run.startedAt ?? run.createdAt), endedAt: isoOrNull(run.endedAt), startedBy: group.startedBy, setName: group.setName ?? group.title, hostName: run.hostName ?? 'a removed host', sourceId: run.sourceId, sourceName: run.sourceName ?? 'a removed source', level: run.level, state: run.state,
    rawBytes, storedBytes, ratio: ratio(storedBytes, rawBytes), seconds: seconds(run.startedAt, run.endedAt), copySeconds, bytesPerSecond: rate(rawBytes, copySeconds ?? seconds(run.startedAt, run.endedAt)),
    imageId: image?.id ?? null, problem: run.problemMessage, detail: run.problemDetail, hint: run.problemHint, strange: marks.flatMap(({ body }) => (body.kind === 'strange' ? [body.text] : [])),
  }
}

function totalsOf(rows: readonly Row[]): Report['totals']['all'] {
  const sum = (pick: (row: Row) => number | null): number => rows.reduce((total, row) => total + (pick(row) ?? 0), 0)
  const [rawBytes, storedBytes, time] = [sum((row) => row.rawBytes), sum((row) => row.storedBytes), sum((row) => row.copySeconds ?? row.seconds)]
  return { runs: rows.length, rawBytes, storedBytes, ratio: ratio(storedBytes, rawBytes), seconds: sum((row) => row.seconds), bytesPerSecond: rate(rawBytes, time) }
}

/** Totals count what ended with an image; failures and strange ones are listed again with their full text. */
export async function reportRuns(console: Reading, _actor: Actor, { groupId, ...period }: Period): Promise<Report> {
  const groups = groupId === undefined ? await groupsOf(console, period) : [found(await console.db.runs.findGroup(groupId), 'run')]
  const runs = groups.flatMap((group) => group.runs.map((run) => ({ group, run })))
  const [images, marks] = await Promise.all([console.db.images.listImageRows({ setId: period.setId }), console.db.runs.listMarks(runs.map(({ run }) => run.id))])
  const [imageOf, marksOf] = [new Map(images.map((image) => [image.runId, image])), Map.groupBy(marks, (mark) => mark.runId)]
  const rows = runs.map(({ group, run }) => rowOf(group, run, imageOf.get(run.id), marksOf.get(run.id) ?? []))
  const good = rows.filter((row) => row.state === 'succeeded' || row.state === 'strange')
  return {
    rows, failures: rows.filter((row) => row.state === 'failed' || row.state === 'cancelled'), strange: rows.filter((row) => row.state === 'strange'),
    totals: { full: totalsOf(good.filter((row) => row.level === 0)), incremental: totalsOf(good.filter((row) => (row.level ?? 0) > 0)), all: totalsOf(good) },
  }
}

export async function reportCalendar(console: Reading, _actor: Actor, { timeZone, ...period }: Input<'report', 'calendar'>): Promise<Output<'report', 'calendar'>> {
  const dayOf = (time: Date): string => Temporal.Instant.fromEpochMilliseconds(time.getTime()).toZonedDateTimeISO(timeZone).toPlainDate().toString()
  try {
    dayOf(console.now())
  } catch (cause) {
    if (cause instanceof RangeError) throw invalid('timeZone', `${timeZone} is not a time zone of the IANA database`, 'Write one such as UTC or Europe/Berlin.')
    throw cause
  }
  // By the time that a period is cut by, so that a day lists what its cell counts even where a run waited past midnight.
  const runs = (await groupsOf(console, period)).flatMap((group) => group.runs.map((run) => ({ state: run.state, day: dayOf(group.createdAt) })))
  return [...Map.groupBy(runs, (run) => run.day)].map(([day, own]) => ({ day, runs: own.length, state: groupState(own.map((run) => run.state)) })).toSorted((a, b) => (a.day < b.day ? -1 : 1))
}

/** One point an image. */
export async function reportTrends(console: Reading, _actor: Actor, { sourceId, ...period }: Input<'report', 'trends'>): Promise<Output<'report', 'trends'>> {
  const { from, before } = dates(period)
  const [images, groups] = await Promise.all([console.db.images.listImageRows({ setId: period.setId, sourceId, from, to: before }), console.db.runs.listGroups({ setId: period.setId, sourceId, kinds: ['backup'] })])
  const runs = new Map(groups.flatMap((group) => group.runs).map((run) => [run.id, run]))
  return images.toReversed().map((image) => {
    const run = runs.get(image.runId ?? '')
    return { at: iso(image.endAt), sourceName: image.sourceName, level: image.level, rawBytes: image.rawBytes, storedBytes: image.storedBytes, ratio: ratio(image.storedBytes, image.rawBytes), seconds: (run === undefined ? null : seconds(run.startedAt, run.endedAt)) ?? seconds(image.beginAt, image.endAt) ?? 0 }
  })
}

/** A phase that goes on ends now. */
export async function reportTimeline(console: Console, _actor: Actor, { groupId }: Input<'report', 'timeline'>): Promise<Output<'report', 'timeline'>> {
  const row = found(await console.db.runs.findGroup(groupId), 'run')
  const [group] = await viewGroups(console, [row])
  const marks = Map.groupBy(await console.db.runs.listMarks(row.runs.map((run) => run.id)), (mark) => mark.runId)
  const now = console.now().toISOString()
  const spans = row.runs.flatMap((run) => phaseSpans(run, marks.get(run.id) ?? []).flatMap(({ phase, beginAt, endAt, state }) => (beginAt === null ? [] : [{ runId: run.id, sourceName: run.sourceName ?? run.hostName ?? row.title, phase, beginAt, endAt: endAt ?? now, state }])))
  return { group: found(group ?? null, 'run'), spans }
}

export async function reportHosts(console: Reading, _actor: Actor, period: Input<'report', 'hosts'>): Promise<Output<'report', 'hosts'>> {
  const { from, before } = dates(period)
  const [hosts, sources, groups, images] = await Promise.all([console.db.hosts.listHosts(), console.db.sources.listSources({ setId: period.setId }), groupsOf(console, { setId: period.setId }), console.db.images.listImageRows({ setId: period.setId, from, to: before })])
  const runs = groups.flatMap((group) => group.runs.map((run) => ({ ...run, isInPeriod: (from === undefined || group.createdAt >= from) && (before === undefined || group.createdAt < before) })))
  return hosts.map((row) => {
    const host = shownHost(row, console.version)
    const own = new Set(sources.filter((source) => source.hostId === host.id).map((source) => source.id))
    const ownRuns = runs.filter((run) => run.hostId === host.id)
    const counted = ownRuns.filter((run) => run.isInPeriod)
    const lastSuccess = newestEnd(ownRuns, ['succeeded', 'strange'])
    return {
      hostId: host.id, hostName: host.name, state: host.state, sources: own.size, runs: counted.length, failed: counted.filter((run) => run.state === 'failed').length,
      storedBytes: images.filter((image) => own.has(image.sourceId)).reduce((sum, image) => sum + image.storedBytes, 0), lastBackupAt: lastSuccess?.at ?? null, lastSeenAt: host.lastSeenAt, agentVersion: host.agentVersion,
      lastSuccess, lastFailure: newestEnd(ownRuns, ['failed']),
    }
  })
}

function newestEnd(runs: readonly RunRow[], states: readonly RunState[]): Output<'report', 'hosts'>[number]['lastSuccess'] {
  const ended = runs.flatMap((run) => (run.endedAt !== null && states.includes(run.state) ? [{ run, endedAt: run.endedAt }] : []))
  const newest = ended.toSorted((a, b) => b.endedAt.getTime() - a.endedAt.getTime())[0]
  return newest === undefined ? null : { groupId: newest.run.groupId, sourceName: newest.run.sourceName ?? 'a removed source', level: newest.run.level, at: iso(newest.endedAt), problem: newest.run.problemMessage }
}

export async function reportIntegrity(console: Reading, _actor: Actor, { setId }: Input<'report', 'integrity'>): Promise<Output<'report', 'integrity'>> {
  const [images, groups] = await Promise.all([console.db.images.listImageRows({ setId }), console.db.runs.listGroups({ setId, kinds: ['verify'] })])
  const runs = groups.flatMap((group) => group.runs)
  return images.map((image) => {
    const last = runs.find((run) => run.imageId === image.id)
    return { imageId: image.id, sourceName: image.sourceName, setName: image.setName, level: image.level, endAt: iso(image.endAt), storedBytes: image.storedBytes, verifiedAt: isoOrNull(image.verifiedAt), verifyProblem: image.verifyProblem, lastRun: last === undefined ? null : shownRun(last, [], console.now()) }
  })
}
