// Takes a recovery back that did not open: whatever step it came to, the old cluster is put where it was and started if it ran. Every step may be repeated.
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Problem, problem, ProblemError } from '#lib/domain/problem.ts'
import type { RecoverJob } from '#lib/protocol/recovery.ts'
import { freshWal, moveData, namedAside, readMarker, removeEmpty, removeMarker, replaceRecoverySettings, writeMarker } from './data-swap.ts'
import { bytesIn } from './inspect.ts'
import { isPortTaken, stopListener } from './port.ts'
import { type Recovery, type RecoveryFacts, stages } from './recovery-state.ts'
import type { RunContext } from './run.ts'
import { isBeingStarted, isReady, runningServer, type RunningServer } from './running-server.ts'
import { isThere, stopServer } from './server-control.ts'
import { commandEnded, recoveryService, startCommandOf, startService, stopService } from './service-control.ts'
import { asProblem } from './system-problem.ts'

const at = (stage: (typeof stages)[number]): number => stages.indexOf(stage)

/** The problem to end the run with: why it failed, and how things stand after it. */
export async function rollBack(job: RecoverJob, run: RunContext, recovery: Recovery, cause: Problem): Promise<ProblemError> {
  const { facts } = recovery.state
  const why = /[.!?]$/.test(cause.message) ? cause.message : `${cause.message}.`
  run.emit({ kind: 'log', level: 'error', text: [why, cause.detail].filter((part) => part !== undefined).join('\n') })
  let failedPath: string | null = null
  try {
    if (at(recovery.state.stage) >= at('placing') && at(recovery.state.stage) < at('removing')) await recovery.to({ stage: 'removing', cause })
    else if (at(recovery.state.stage) >= at('safeguarding') && at(recovery.state.stage) < at('removing')) await recovery.to({ stage: 'returning', cause })
    else if (at(recovery.state.stage) < at('removing')) await recovery.to({ stage: 'restarting', cause })
    if (recovery.state.stage === 'removing') {
      failedPath = await takeOut(job, run, facts)
      await recovery.to({ stage: 'returning' })
    }
    if (recovery.state.stage === 'returning') {
      await bringBack(run, facts)
      await recovery.to({ stage: 'restarting' })
    }
    const stands = await restart(job, run, facts)
    await keepFailed(job, run, facts)
    await rm(facts.privateFolder, { recursive: true, force: true })
    const lines = [cause.detail, failedPath === null ? undefined : `What was recovered so far is in ${failedPath}: files that are named above lie there.`]
    const detail = lines.filter((line) => line !== undefined).join('\n')
    const told: Problem = { ...cause, message: `${why} ${stands}`, ...(detail === '' ? {} : { detail }) }
    run.emit({ kind: 'log', level: 'warning', text: stands })
    await recovery.to({ settled: { how: 'rolled-back', problem: told } })
    return new ProblemError(told)
  } catch (error) {
    const second = asProblem(error)
    return problem('recovery-failed', `${cause.message}, and the way back failed too: ${second.message}`, {
      detail: [cause.detail, second.detail, facts.old === null ? undefined : `The old cluster lies in ${(await isThere(facts.old.aside)) ? facts.old.aside : facts.dataDirectory}; nothing of it is lost.`].filter((line) => line !== undefined).join('\n'),
      hint: await byHand(job, run, facts),
    })
  }
}

/** What a person does when even the way back is blocked. */
async function byHand(job: RecoverJob, run: RunContext, facts: RecoveryFacts): Promise<string> {
  const { old, dataDirectory, mode } = facts
  const moves = old === null || !(await isThere(old.aside)) ? [] : mode === 'rename' ? [`mv ${dataDirectory} ${namedAside(dataDirectory, mode, 'failed', run.runId)}`, `mv ${old.aside} ${dataDirectory}`] : [`move all but ${old.aside} out of ${dataDirectory}`, `mv ${old.aside}/* ${dataDirectory}/`]
  return ['On the host, in this order:', ...moves, await startCommandOf(recoveryService(job, facts, run, 'old')).catch(() => 'start the server of the old cluster')].join('\n')
}

const POLL_MS = 100
const START_PATIENCE_MS = 5_000
const READY_PATIENCE_MS = 120_000
const PORT_PATIENCE_MS = 900_000
const sleep = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, POLL_MS))

/** Stops what was started, be it by a process that was killed meanwhile. */
async function stopAll(job: RecoverJob, run: RunContext, facts: RecoveryFacts): Promise<void> {
  const { dataDirectory, privateFolder } = facts
  await commandEnded(run.folder)
  for (const until = Date.now() + START_PATIENCE_MS; (await runningServer(dataDirectory)) === null && (await isBeingStarted(dataDirectory)) && Date.now() < until; ) await sleep()
  const running = await runningServer(dataDirectory)
  // What was started as the service is told so; what it does not stop is stopped as its owner.
  if (running?.socketDirectory !== privateFolder) await stopService(recoveryService(job, facts, run, 'new'), running).catch((error: unknown) => run.emit({ kind: 'log', level: 'warning', text: asProblem(error).message }))
  const left = await runningServer(dataDirectory)
  if (left !== null) await stopServer(left, dataDirectory, (text) => run.emit({ kind: 'command', text }))
}

/** Moves the copy away: to where it was restored while it can be tried again, else to a name that says failed. */
async function takeOut(job: RecoverJob, run: RunContext, facts: RecoveryFacts): Promise<string> {
  const { dataDirectory, mode, from, walDirectory } = facts
  const failed = namedAside(dataDirectory, mode, 'failed', run.runId)
  const isOld = (await isThere(dataDirectory)) && (await readMarker(dataDirectory))?.runId === run.runId
  // With the marker in it this is the old cluster: nothing was put in its place yet, or it is back already.
  if (isOld || !(await isThere(dataDirectory))) return (await isThere(from)) ? from : failed
  await stopAll(job, run, facts)
  const mayTryAgain = (await isThere(join(dataDirectory, 'recovery.signal'))) || (await isThere(join(from, 'recovery.signal')))
  // One that opens elsewhere has its own settings, which say so too.
  if (!mayTryAgain && job.place.inPlace) await quieten(dataDirectory)
  if (mode === 'none') return from
  const to = mayTryAgain ? from : failed
  await moveData({ from: dataDirectory, to, mode })
  run.emit({ kind: 'log', level: 'info', text: `What was recovered so far is kept in ${to}` })
  if (mayTryAgain) {
    // Replayed WAL lies in the archive of the copy too: gone here it leaves room for the old cluster.
    const { uid, gid } = await stat(join(to, 'PG_VERSION'))
    await freshWal(to, null, { uid, gid, mode: 0o700 })
    if (walDirectory !== null && /\.recovered-[0-9a-f]{8}$/.test(walDirectory)) await rm(walDirectory, { recursive: true, force: true })
  }
  return to
}

/** What opened before it failed is told, and marked so that it may be released; a full disk must not keep the old cluster from being back. */
async function keepFailed({ systemIdentifier }: RecoverJob, run: RunContext, { dataDirectory, mode }: RecoveryFacts): Promise<void> {
  const { runId } = run
  const path = namedAside(dataDirectory, mode, 'failed', runId)
  if (mode === 'none' || !(await isThere(path))) return
  try {
    await writeMarker(path, { runId, systemIdentifier, dataDirectory })
    run.emit({ kind: 'kept', path, bytes: await bytesIn(path), runId })
  } catch (error) {
    run.emit({ kind: 'log', level: 'warning', text: `${path} could not be marked as what this recovery left, so that it is to be deleted by hand: ${asProblem(error).message}` })
  }
}

/** A failed copy that somebody starts by hand must not archive; one that opened has lost the settings that said so. */
const quieten = (dataDirectory: string): Promise<boolean> => replaceRecoverySettings(dataDirectory, [{ name: 'archive_mode', value: 'off' }])

async function bringBack(run: RunContext, { old, dataDirectory, mode }: RecoveryFacts): Promise<void> {
  if (old === null) return
  const marker = (await isThere(old.aside)) ? await readMarker(old.aside) : null
  if (marker !== null && marker.runId !== run.runId) throw problem('conflict', `${old.aside} is not what this recovery set aside`, { detail: `Its marker names run ${marker.runId}.` })
  if (await isThere(old.aside)) {
    await moveData({ from: old.aside, to: dataDirectory, mode })
    if (mode === 'contents') await removeEmpty(old.aside)
  }
  await removeMarker(dataDirectory)
}

/** What took its port meanwhile is waited for: nothing else brings the old cluster back. */
async function startOld(job: RecoverJob, run: RunContext, facts: RecoveryFacts): Promise<RunningServer> {
  const { port } = job.place
  for (const until = Date.now() + PORT_PATIENCE_MS; ; ) {
    try {
      return await startService(recoveryService(job, facts, run, 'old'))
    } catch (error) {
      const isTaken = (): Promise<boolean> => isPortTaken(port, facts.address)
      if (!(await isTaken())) throw error
      run.emit({ kind: 'log', level: 'warning', text: `Port ${port} is taken by another program: the old cluster starts as soon as it is free. ${stopListener(port)}` })
      while ((await isTaken()) && Date.now() < until) await sleep()
      if (Date.now() >= until) throw error
    }
  }
}

/** How things stand, as a sentence. */
async function restart(job: RecoverJob, run: RunContext, facts: RecoveryFacts): Promise<string> {
  const { old, dataDirectory, wasRunning } = facts
  if (old === null) return 'Nothing else was there before, and nothing runs.'
  if (!wasRunning) return `The old cluster is untouched in ${dataDirectory}; it was not running, and is not.`
  await commandEnded(run.folder)
  // One that was told to stop, by a process that was killed since, is on its way out.
  let running = await runningServer(dataDirectory)
  for (const until = Date.now() + READY_PATIENCE_MS; running !== null && !(await isReady(dataDirectory)) && Date.now() < until; running = await runningServer(dataDirectory)) await sleep()
  if (running !== null && !(await isReady(dataDirectory))) throw problem('recovery-failed', `The server on ${dataDirectory} is still shutting down (pid ${running.pid})`)
  const { pid } = running ?? (await startOld(job, run, facts))
  return `The old cluster runs again on ${dataDirectory} (pid ${pid}), untouched.`
}
