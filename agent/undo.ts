// Undoes a recovery that opened: the server is stopped, what it ran on is set aside and kept, and the old cluster is where it was, untouched.
import { stat } from 'node:fs/promises'
import type * as z from 'zod'
import { problem, ProblemError } from '#lib/domain/problem.ts'
import type { UndoJob, UndoResult } from '#lib/protocol/recovery.ts'
import { readControlFile } from './control.ts'
import { moveData, namedAside, readMarker, removeEmpty, removeMarker, replaceRecoverySettings, writeMarker } from './data-swap.ts'
import { bytesIn } from './inspect.ts'
import type { RunContext } from './run.ts'
import { runningServer } from './running-server.ts'
import { isThere, stopServer } from './server-control.ts'
import { commandEnded, type ServiceInput, startService, stopService } from './service-control.ts'
import { asProblem, hasCode } from './system-problem.ts'

type Result = z.infer<typeof UndoResult>

/** Each step looks whether it was done: a run whose process died is gone on with from the start. */
export async function runUndo(job: UndoJob, run: RunContext): Promise<Result> {
  const { wayBack, place, systemIdentifier } = job
  const { oldPath, mode } = wayBack
  const dataDirectory = place.dataDirectory
  const undone = namedAside(dataDirectory, mode, 'undone', wayBack.runId)
  const service = (binaries: string): ServiceInput => ({ place, dataDirectory, binaries, logFile: wayBack.logFile, serverArguments: wayBack.serverArguments, folder: run.folder, emit: run.emit })

  run.emit({ kind: 'phase', phase: 'check' })
  await commandEnded(run.folder)
  const isOut = (await readMarker(undone)) !== null
  const isBack = (await readMarker(dataDirectory))?.runId === wayBack.runId || (isOut && oldPath !== null && !(await isThere(oldPath)))
  if (!isBack) await proveOld(job, isOut)

  run.emit({ kind: 'phase', phase: 'stop' })
  const running = (await isThere(dataDirectory)) ? await runningServer(dataDirectory) : null
  if (!isBack && !isOut) {
    run.signal.throwIfAborted()
    await stopService(service(wayBack.binaries), running).catch(async (error: unknown) => {
      // A service that lost sight of its server still has an owner.
      run.emit({ kind: 'log', level: 'warning', text: asProblem(error).message })
      const left = (await isThere(dataDirectory)) ? await runningServer(dataDirectory) : null
      if (left !== null) await stopServer(left, dataDirectory, (text) => run.emit({ kind: 'command', text }))
    })
  }

  // From here on it is quicker to finish than to turn back: a cancel is not heard any more.
  run.emit({ kind: 'phase', phase: 'swap' })
  const undonePath = mode === 'none' ? dataDirectory : undone
  if (!isBack && mode !== 'none') {
    if (!isOut) {
      // Moved as a whole it may be gone already; piece by piece the rest follows.
      if (await isThere(dataDirectory)) {
        await quieten(dataDirectory)
        await moveData({ from: dataDirectory, to: undone, mode })
      }
      await writeMarker(undone, { runId: wayBack.runId, systemIdentifier: (await readControlFile(undone)).systemIdentifier, dataDirectory })
      run.emit({ kind: 'log', level: 'info', text: `What was recovered is kept in ${undone}` })
    }
    if (oldPath !== null) {
      await moveData({ from: oldPath, to: dataDirectory, mode })
      if (mode === 'contents') await removeEmpty(oldPath)
    }
  }
  if (oldPath !== null) {
    const { systemIdentifier: found } = await readControlFile(dataDirectory)
    if (systemIdentifier !== null && found !== systemIdentifier) throw problem('recovery-failed', `${dataDirectory} holds another cluster than the one set aside`, { detail: `Its system identifier is ${found}, expected ${systemIdentifier}.` })
  }

  run.emit({ kind: 'phase', phase: 'start' })
  const isRunning = oldPath !== null && wayBack.wasRunning
  if (isRunning && (await runningServer(dataDirectory)) === null) {
    await startService(service(wayBack.oldBinaries ?? wayBack.binaries)).catch((error: unknown) => {
      const told = asProblem(error)
      throw new ProblemError({ ...told, message: `The old cluster is back in ${dataDirectory}, but did not start`, detail: [told.message, told.detail].filter((line) => line !== undefined).join('\n'), hint: 'Mend what its last lines name, then start it as always. What was recovered is kept beside it.' })
    })
  }
  await removeMarker(dataDirectory)
  if (mode !== 'none') run.emit({ kind: 'kept', path: undone, bytes: await bytesIn(undone), runId: wayBack.runId })
  run.emit({ kind: 'log', level: 'info', text: oldPath === null ? `The recovered server is stopped; its files are in ${undonePath}` : `The old cluster is back in ${dataDirectory}${isRunning ? ' and runs' : '; it was not running before, and is not'}` })
  return { dataDirectory, undonePath, isRunning }
}

/** The directory set aside says itself that it is the one. */
async function proveOld({ wayBack, place, systemIdentifier }: UndoJob, isOut: boolean): Promise<void> {
  const { oldPath, runId } = wayBack
  if (oldPath === null) return
  if (!(await isThere(oldPath))) throw problem('not-found', `${oldPath} is gone`, { detail: `Nothing was changed; ${place.dataDirectory} stays as it is.`, hint: 'It was moved or deleted on the host: put it back there, then undo again.' })
  const marker = await readMarker(oldPath)
  if (marker?.runId !== runId) throw problem('conflict', `${oldPath} is not what this recovery set aside`, { detail: marker === null ? 'It has no marker.' : `Its marker names run ${marker.runId}.`, hint: 'Nothing was changed. Look on the host at what is there.' })
  // In the middle of its move the directory may hold a part only; what was moved already proves itself afterwards.
  if (isOut) return
  const { systemIdentifier: found } = await readControlFile(oldPath)
  if (systemIdentifier !== null && found !== systemIdentifier) throw problem('conflict', `${oldPath} holds another cluster`, { detail: `Its system identifier is ${found}, expected ${systemIdentifier}.` })
  const [own, beside] = await Promise.all([stat(oldPath), stat(place.dataDirectory).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  })])
  if (beside !== null && own.dev !== beside.dev) throw problem('conflict', `${oldPath} and ${place.dataDirectory} lie on different file systems`, { hint: 'Something was mounted there since the recovery: put it back as it was, then undo again.' })
}

/** A recovered copy that is started by hand later must not archive beside the cluster that is back. */
const quieten = (dataDirectory: string): Promise<boolean> => replaceRecoverySettings(dataDirectory, [{ name: 'archive_mode', value: 'off' }])
