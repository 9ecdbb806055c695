// Completes a recovery: stops the service, sets the old cluster aside, puts the copy in its place, follows it to its target, and opens it. DESIGN 6.
import { copyFile, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunEventBody } from '#lib/domain/event.ts'
import { type Problem, problem, ProblemError } from '#lib/domain/problem.ts'
import { serviceWords } from '#lib/domain/service.ts'
import { formatLsn, type Lsn, parseLsn } from '#lib/postgres/lsn.ts'
import { privateSettings } from '#lib/postgres/scratch-settings.ts'
import { PRIVATE_HBA, settingArguments } from '#lib/postgres/server-commands.ts'
import { parseSegmentName } from '#lib/postgres/wal.ts'
import type { RecoverJob, RecoverResult } from '#lib/protocol/recovery.ts'
import { freshWal, giveLikeness, type Likeness, moveData, replaceRecoverySettings, writeMarker } from './data-swap.ts'
import { type OpenedServer, openServer, type RecoveryNews } from './follow-recovery.ts'
import { localSettings } from './local-settings.ts'
import { isPortTaken, LOOPBACK, stopListener } from './port.ts'
import { type Content, lookInto } from './recovered-content.ts'
import { checkRecovery } from './recovery-check.ts'
import { keepRecovery, readRecovery, type Recovery, type RecoveryFacts, type RecoveryState } from './recovery-state.ts'
import { rollBack } from './roll-back.ts'
import type { RunContext } from './run.ts'
import { isReady, runningServer, type RunningServer } from './running-server.ts'
import { isThere, KEEP_FILES, stopServer } from './server-control.ts'
import { commandEnded, recoveryService, startCommandOf, startService, stopService } from './service-control.ts'
import { asProblem } from './system-problem.ts'
import { readNames } from './users.ts'

const PROGRESS_MS = 500
const REPLAYED_MS = 5_000

/** Throws the problem of the run; whatever it says, the old cluster is where it was then, or the problem says that it is not. */
export async function runRecover(job: RecoverJob, run: RunContext): Promise<RecoverResult> {
  const earlier = await readRecovery(run.folder)
  if (earlier !== null) return goOn(job, run, earlier)
  run.emit({ kind: 'phase', phase: 'check' })
  const { facts, running } = await checkRecovery(job, run.runId)
  const recovery = keepRecovery(run.folder, { facts, stage: 'checked', accepted: null, settled: null, cause: null })
  try {
    await recovery.to({})
    run.emit({ kind: 'log', level: 'info', text: announcement(job, facts) })
    return await carryOut(job, run, recovery, running)
  } catch (error) {
    throw await rollBack(job, run, recovery, asProblem(run.signal.aborted && !(error instanceof ProblemError && error.problem.code === 'recovery-failed') ? run.signal.reason : error))
  }
}

/** After its process died: what was not accepted is rolled back; what was over is only said again. */
async function goOn(job: RecoverJob, run: RunContext, state: RecoveryState): Promise<RecoverResult> {
  const recovery = keepRecovery(run.folder, state)
  if (state.settled?.how === 'opened') return state.settled.result
  if (state.settled?.how === 'rolled-back') throw new ProblemError(state.settled.problem)
  // It was accepted: people may be in it by now, so the way is forward.
  if (state.stage === 'opening' && state.accepted !== null) return openOrRollBack(job, run, recovery, state.accepted)
  const cause: Problem = state.cause ?? { code: 'recovery-failed', message: 'The process of the recovery was killed', detail: `It had come to the step "${state.stage}".`, hint: 'Look at the kernel log of the host (out of memory?), then complete the recovery again.' }
  throw await rollBack(job, run, recovery, cause)
}

function announcement({ place }: RecoverJob, { old, dataDirectory, from, mode, wasRunning }: RecoveryFacts): string {
  const stopped = wasRunning ? `The server is stopped by ${serviceWords(place.service)}. ` : ''
  if (old !== null) return `${stopped}${mode === 'contents' ? `What is in ${dataDirectory}` : dataDirectory} goes to ${old.aside} by rename, then ${from} takes its place.`
  return mode === 'none' ? `${from} stays where it is.` : `${from} becomes ${dataDirectory} by rename.`
}

async function carryOut(job: RecoverJob, run: RunContext, recovery: Recovery, running: RunningServer | null): Promise<RecoverResult> {
  const { facts } = recovery.state
  const begin = async (phase: 'stop' | 'safeguard' | 'place' | 'replay', stage: RecoveryState['stage']): Promise<void> => {
    run.signal.throwIfAborted()
    await recovery.to({ stage })
    run.emit({ kind: 'phase', phase })
  }
  const stoppedFrom = Date.now()
  await begin('stop', 'stopping')
  await stopService(recoveryService(job, facts, run, 'old'), running)
  if (running !== null && (await isPortTaken(job.place.port, facts.address))) throw problem('conflict', `Port ${job.place.port} was taken by another program as soon as the server had stopped`, { detail: 'Neither the recovered server nor the old one can start without it.', hint: `${stopListener(job.place.port)}. Then complete the recovery again.` })

  await begin('safeguard', 'safeguarding')
  if (facts.old !== null) {
    await writeMarker(facts.dataDirectory, { runId: run.runId, systemIdentifier: facts.old.systemIdentifier, dataDirectory: facts.dataDirectory })
    await moveData({ from: facts.dataDirectory, to: facts.old.aside, mode: facts.mode })
    run.emit({ kind: 'log', level: 'info', text: `The old cluster is kept in ${facts.old.aside}` })
  }

  await begin('place', 'placing')
  const like = await likenessOf(facts)
  await copyHistory(job, facts, run)
  await freshWal(facts.from, facts.walDirectory, like)
  await giveLikeness(facts.from, like)
  if (facts.mode !== 'none') await moveData({ from: facts.from, to: facts.dataDirectory, mode: facts.mode })

  await begin('replay', 'replaying')
  const replayFrom = Date.now()
  const { opened, stoppedAt, content } = await replay(job, run, facts, like, () => run.emit({ kind: 'phase', phase: 'accept' }))
  const replaySeconds = (Date.now() - replayFrom) / 1000

  run.signal.throwIfAborted()
  const accepted: RecoverResult = {
    dataDirectory: facts.dataDirectory, port: job.place.port, systemIdentifier: content.systemIdentifier, timeline: content.timeline, lsn: formatLsn(opened.lsn), lastCommitAt: opened.lastCommitAt, stoppedAt,
    databases: content.databases, replayedBytes: Math.max(0, Number(opened.lsn - parseLsn(facts.wal.beginLsn))), seconds: { replay: replaySeconds, stopped: (Date.now() - stoppedFrom) / 1000 }, archives: facts.archiveMode === 'on', oldBytes: facts.oldBytes,
    wayBack: { runId: run.runId, oldPath: facts.old?.aside ?? null, mode: facts.mode, wasRunning: facts.wasRunning, serverArguments: facts.serverArguments, logFile: facts.logFile, binaries: facts.binaries, oldBinaries: facts.old?.binaries ?? null },
  }
  await recovery.to({ stage: 'opening', accepted })
  return openForAll(job, run, recovery, accepted)
}

async function openOrRollBack(job: RecoverJob, run: RunContext, recovery: Recovery, accepted: RecoverResult): Promise<RecoverResult> {
  try {
    await commandEnded(run.folder)
    return await openForAll(job, run, recovery, accepted)
  } catch (error) {
    throw await rollBack(job, run, recovery, asProblem(error))
  }
}

/** From here on a cancel comes too late: whoever uses the server may be in it before it is heard. Undo is for that. */
async function openForAll(job: RecoverJob, run: RunContext, recovery: Recovery, accepted: RecoverResult): Promise<RecoverResult> {
  const { facts } = recovery.state
  run.emit({ kind: 'phase', phase: 'open' })
  const begin = Date.now()
  const running = await runningServer(facts.dataDirectory)
  if (running === null) await settle(job, facts, run)
  const server = running !== null && (await isReady(facts.dataDirectory)) ? running : await startOpened(job, run, facts)
  const result = { ...accepted, port: server.port ?? job.place.port, seconds: { ...accepted.seconds, stopped: accepted.seconds.stopped + (Date.now() - begin) / 1000 } }
  await recovery.to({ stage: 'opened', settled: { how: 'opened', result } })
  await rm(facts.privateFolder, { recursive: true, force: true })
  if (facts.archiveMode === 'on') run.emit({ kind: 'log', level: 'info', text: `Archiving goes on, on timeline ${result.timeline}: run a full backup soon, so that restores need not cross from the old timeline.` })
  run.emit({ kind: 'log', level: 'info', text: `The server is open on port ${result.port}, timeline ${result.timeline}${facts.old === null ? '' : `; the old cluster is kept in ${facts.old.aside} until it is released`}` })
  return result
}

/** It has recovered by then, which one copy does once: what helps after a failure is another than before. */
async function startOpened({ place, ...job }: RecoverJob, run: RunContext, facts: RecoveryFacts): Promise<RunningServer> {
  const service = recoveryService({ place, ...job }, facts, run, 'new')
  try {
    return await startService(service)
  } catch (error) {
    const cause = asProblem(error)
    const isTaken = await isPortTaken(place.port, place.inPlace ? facts.address : LOOPBACK)
    throw new ProblemError({
      ...cause, ...(isTaken ? { code: 'conflict', message: `Port ${place.port} is taken by another program, so the recovered server did not start` } : {}),
      hint: `${isTaken ? stopListener(place.port) : 'Mend what its last lines name'}. ${place.inPlace ? 'Then restore again, and complete that recovery.' : `It is recovered already, so then start it by hand: ${await startCommandOf(service)}`}`,
    }, { cause: error })
  }
}

/** Owner and mode of what was there; else of the copy, wherever it is. */
async function likenessOf({ old, from, dataDirectory }: RecoveryFacts): Promise<Likeness> {
  if (old !== null) return { uid: old.uid, gid: old.gid, mode: old.permissions }
  const { uid, gid, mode } = await stat((await isThere(from)) ? from : dataDirectory)
  return { uid, gid, mode: mode & 0o777 }
}

/**
 * A new timeline gets the next number that recovery finds no history of; one that was begun since the copy was made, and undone,
 * must not be given again, for its WAL lies in the archive. Only history files are taken from there, and none that could be followed.
 */
async function copyHistory({ copy, place }: RecoverJob, { from }: RecoveryFacts, run: RunContext): Promise<void> {
  if (!place.inPlace || place.archiveDirectory === null) return
  const auto = await readFile(join(from, 'postgresql.auto.conf'), 'utf8').catch(() => '') // a copy without it has no target timeline either
  if (!/^recovery_target_timeline = '(?:\d+|current)'$/m.test(auto)) return
  const [archived, own] = await Promise.all([place.archiveDirectory, join(copy, 'archive')].map(async (directory) => (await readdir(directory).catch(() => [])).filter((name) => /^[0-9A-F]{8}\.history$/.test(name)))) // what may not be read cannot be taken: recovery then decides alone
  for (const name of (archived ?? []).filter((one) => own?.includes(one) !== true)) {
    await copyFile(join(place.archiveDirectory, name), join(copy, 'archive', name))
    const { uid, gid } = await stat(join(copy, 'archive'))
    await giveLikeness(join(copy, 'archive', name), { uid, gid, mode: 0o600 })
    run.emit({ kind: 'log', level: 'info', text: `${name} is taken from the archive, so that the new timeline gets a number of its own` })
  }
}

/** While it recovers nobody reaches the server but its owner, and it archives nothing: what it would archive waits until it is accepted. */
async function replay(job: RecoverJob, run: RunContext, facts: RecoveryFacts, like: Likeness, atAccept: () => void): Promise<{ opened: OpenedServer; stoppedAt: string | null; content: Content }> {
  const { privateFolder: folder, dataDirectory, binaries, minimums } = facts
  const hba = join(folder, 'pg_hba.conf')
  await writeFile(hba, PRIVATE_HBA, { mode: 0o600 })
  await giveLikeness(hba, { ...like, mode: 0o600 })
  const settings = {
    ...privateSettings(folder, hba), port: String(job.place.port), hot_standby: 'on', recovery_target_action: 'promote',
    // Without a command nothing is archived and everything is kept for when there is one: https://www.postgresql.org/docs/current/runtime-config-wal.html#GUC-ARCHIVE-COMMAND
    archive_mode: facts.archiveMode, archive_command: '', ...(job.major >= 15 ? { archive_library: '' } : {}), ...(job.major >= 17 ? { event_triggers: 'off' } : {}),
  }
  const opened = await openServer({
    binaries, dataDirectory, logFile: join(folder, 'server.log'), serverArguments: [...withConfig(job, facts), ...settingArguments(settings)], minimums, ways: KEEP_FILES, code: 'recovery-failed',
    accessAs: (user) => ({ dataDirectory, archiveDirectory: '/', connectionHost: folder, port: job.place.port, user, database: '' }),
    users: [...new Set([job.place.user, 'postgres', readNames().users.get(like.uid) ?? ''])].filter((name) => name !== ''), hear: progressOf(run, facts),
  }, run)
  run.emit(progressAt(facts, opened.lsn, opened.lastCommitAt))
  atAccept()
  const content = await lookInto(opened.access, { systemIdentifier: job.systemIdentifier })
  run.emit({ kind: 'log', level: 'info', text: `Opened at ${formatLsn(opened.lsn)} on timeline ${content.timeline}; last commit ${opened.lastCommitAt ?? 'none replayed'}; databases: ${content.databases.map(({ name }) => name).join(', ')}` })
  if (content.otherOrders.length > 0) run.emit({ kind: 'log', level: 'warning', text: `Text is ordered otherwise on this host, so indexes on text may miss rows: REINDEX them, then ALTER COLLATION … or ALTER DATABASE … REFRESH COLLATION VERSION. ${content.otherOrders.join('; ')}` })
  const { stop, redoEnd } = await opened.log()
  await stopServer(opened.server, dataDirectory, (text) => run.emit({ kind: 'command', text }))
  return { opened, stoppedAt: stop !== null ? `recovery stopping ${stop}` : redoEnd === null ? null : `redo done at ${formatLsn(redoEnd)}`, content }
}

/** As the service would start it, where the configuration lies outside of the data directory. */
function withConfig({ place }: RecoverJob, { serverArguments }: RecoveryFacts): string[] {
  const hasConfig = serverArguments.some((word) => /^(?:--)?config[-_]file=/.test(word))
  return [...serverArguments, ...(place.configFile === null || hasConfig ? [] : settingArguments({ config_file: place.configFile }))]
}

/** Segments are told by the progress; whether it may be asked yet, and for files that need not be there, is asked all the time. */
const EXPECTED = /restored log file "|the database system is (?:starting up|not (?:yet )?accepting connections)|Consistent recovery state has not (?:yet )?been|Hot standby mode is disabled|^cp: (?:cannot stat|can't stat)/
const PREFIX = /^\d{4}-\d\d-\d\d [\d:.]+ \S+ \[\d+\] /

const progressAt = ({ wal }: RecoveryFacts, lsn: Lsn, at: string | null): RunEventBody => {
  const doneBytes = Math.max(0, Number(lsn - parseLsn(wal.beginLsn)))
  return { kind: 'progress', phase: 'replay', doneBytes, totalBytes: Math.max(wal.totalBytes, doneBytes), at: at === null ? formatLsn(lsn) : `${formatLsn(lsn)} ${at}` }
}

/** The server's words as log lines, its progress as bytes of WAL. */
function progressOf(run: RunContext, facts: RecoveryFacts): (news: RecoveryNews) => void {
  let saidAt = 0
  let loggedAt = 0
  let highest = parseLsn(facts.wal.beginLsn)
  const say = (lsn: Lsn, at: string | null): void => {
    // A segment is taken from the archive a little before its turn comes.
    if (Date.now() - saidAt < PROGRESS_MS || lsn < highest) return
    highest = lsn
    saidAt = Date.now()
    run.emit(progressAt(facts, lsn, at))
    if (saidAt - loggedAt < REPLAYED_MS) return
    loggedAt = saidAt
    run.emit({ kind: 'log', level: 'info', text: `Replayed to ${formatLsn(lsn)}${at === null ? '' : `; the last commit is of ${at}`}` })
  }
  return ({ lines, log, replayed }) => {
    for (const text of lines) if (!EXPECTED.test(text) && text.trim() !== '') run.emit({ kind: 'log', level: /\b(?:FATAL|PANIC|ERROR):/.test(text) ? 'warning' : 'info', text: `server: ${text.replace(PREFIX, '').trim()}` })
    // Until it is consistent it answers no question: then the segment it took last tells how far it is.
    const lsn = replayed?.lsn ?? parseSegmentName(log.lastRestored ?? '', facts.wal.segmentSizeBytes)?.begin
    if (lsn !== undefined) say(lsn, replayed?.at ?? null)
  }
}

/** Recovery settings go. In place the cluster is as configured again; elsewhere it keeps a port of its own, never archives, and listens where this host lets it. */
async function settle({ place, copy }: RecoverJob, { binaries, dataDirectory }: RecoveryFacts, run: RunContext): Promise<void> {
  const own = place.inPlace ? [] : [{ name: 'port', value: String(place.port) }, { name: 'archive_mode', value: 'off' }]
  await replaceRecoverySettings(dataDirectory, own)
  if (place.inPlace) return
  const local = await localSettings({ binaries, dataDirectory, copy })
  for (const { name, value, reason } of local) run.emit({ kind: 'log', level: 'warning', text: `The copy gets ${name} = ${value}: ${reason}` })
  await replaceRecoverySettings(dataDirectory, [...own, ...local.map(({ name, value }) => ({ name, value }))])
}
