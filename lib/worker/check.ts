/** Checks a source: the agent's lines, and the line of the storage from here; estimates how large its next full is. */
import { RunAsError } from '#lib/agents/deploy.ts'
import type { CheckLine } from '#lib/domain/check.ts'
import { worstStatus } from '#lib/domain/check.ts'
import { sizeInWords } from '#lib/domain/words.ts'
import { problem, ProblemError, toProblem } from '#lib/domain/problem.ts'
import type { FrozenSource } from '#lib/domain/run-input.ts'
import { type Room, roomLine } from '#lib/domain/room.ts'
import { zstdLevel } from '#lib/domain/settings.ts'
import { VOLUME_BYTES } from '#lib/image/stripe-writer.ts'
import { listFullSizes } from '#lib/db/images.ts'
import { replaceChecks } from '#lib/db/host-state.ts'
import { updateChain } from '#lib/db/wal-files.ts'
import { findSource } from '#lib/db/sources.ts'
import { clusterAccess } from './cluster-access.ts'
import { keyLine } from './encryption.ts'
import { atHost } from './hosts.ts'
import type { WorkerParts } from './parts.ts'
import type { Handler } from './run-loop.ts'

/** Volumes of a backup that lie on the host at most: one for each worker and two more, and never more than the whole. */
const spoolBytes = (workers: number, storedBytes = Infinity): number => Math.min((workers + 2) * VOLUME_BYTES, storedBytes)

export interface Checked { lines: CheckLine[]; status: 'ok' | 'warn' | 'error'; systemIdentifier?: string | undefined; sizeBytes?: number | undefined }

/** What the device says now; how much the source needs there is known only after its host answered. */
async function storageLine(parts: WorkerParts, storageId: string | null): Promise<(room: Pick<Room, 'fulls' | 'sizeBytes'>) => CheckLine> {
  if (storageId === null) return () => ({ id: 'storage', status: 'warn', message: 'No storage device is chosen for the backup set yet; nothing can be backed up before', fix: { kind: 'text', text: 'Choose one in Backup ▸ Where, then check again.' } })
  try {
    const storage = await parts.storage(storageId)
    await storage.testWrite()
    const { availableBytes } = await storage.space()
    return room => ({ id: 'storage', ...roomLine({ availableBytes, ...room }) })
  } catch (error) {
    const told = toProblem(error)
    return () => ({ id: 'storage', status: 'error', message: told.message, ...(told.detail === undefined ? {} : { found: told.detail }), fix: { kind: 'text', text: told.hint ?? '' } })
  }
}

/** Looks, writes the lines down and answers them. A host that cannot be reached is a line of its own, not a failed run. */
export async function checkSource(parts: WorkerParts, source: FrozenSource, { storageId, announceSegmentSwitch }: { storageId: string | null; announceSegmentSwitch: boolean }): Promise<Checked> {
  const row = await findSource(parts.db, source.id)
  const deadlineMs = source.settings.checkTimeoutSeconds * 1000
  const fromStorage = storageLine(parts, storageId)
  const fromKey = await keyLine(parts, source)
  const fulls = await listFullSizes(parts.db, source.id, 1)
  let lines: CheckLine[]
  let found: { systemIdentifier?: string | undefined; sizeBytes?: number | undefined; major?: number | undefined; serverVersion?: string | undefined } = {}
  try {
    const said = await atHost(parts.db, source.hostId, async () => {
      const agent = await parts.pool.agent(source.hostId)
      return agent.call('cluster.check', {
        cluster: await clusterAccess(parts, source), announceSegmentSwitch, consoleClock: new Date().toISOString(),
        wantedBytes: spoolBytes(source.settings.workers, fulls[0]?.storedBytes),
        ...(row?.systemIdentifier ? { systemIdentifier: row.systemIdentifier } : {}),
      }, { deadlineMs })
    })
    lines = said.lines
    found = said
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error
    const { message, detail, hint } = error.problem
    lines = [{ id: 'agent', status: 'error', message, ...(detail === undefined ? {} : { found: detail }), fix: error instanceof RunAsError ? { kind: 'command', text: error.command } : { kind: 'text', text: hint ?? '' } }]
  }
  lines = [...lines.filter(line => line.id !== 'storage'), (await fromStorage)({ fulls, sizeBytes: found.sizeBytes ?? row?.sizeBytes ?? null }), ...(fromKey === null ? [] : [fromKey])]
  await replaceChecks(parts.db, source.id, lines, new Date())
  await updateChain(parts.db, source.id, {
    ...(found.sizeBytes === undefined ? {} : { sizeBytes: found.sizeBytes }), ...(found.major === undefined ? {} : { major: found.major }), ...(found.serverVersion === undefined ? {} : { serverVersion: found.serverVersion }),
  })
  return { lines, status: worstStatus(lines), systemIdentifier: found.systemIdentifier, sizeBytes: found.sizeBytes }
}

/** Throws check-failed with every ERROR line when there is one. */
export function demandNoErrors({ lines }: Checked): void {
  const errors = lines.filter(line => line.status === 'error')
  if (errors.length === 0) return
  throw problem('check-failed', errors.length === 1 ? `The check found an error: ${errors[0]?.message}` : `The check found ${errors.length} errors`, {
    detail: errors.map(line => `${line.message}${line.found === undefined ? '' : ` (found: ${line.found})`}${line.fix === undefined ? '' : `\n  ${line.fix.text}`}`).join('\n'),
  })
}

export const check: Handler<'check'> = async context => {
  const { parts, input } = context
  await context.phase('check')
  const row = await findSource(parts.db, input.source.id)
  const checked = await checkSource(parts, input.source, { storageId: row?.set.storageId ?? null, announceSegmentSwitch: input.announceSegmentSwitch })
  const counts = { ok: 0, warn: 0, error: 0, info: 0 }
  for (const line of checked.lines) {
    counts[line.status]++
    if (line.status === 'error' || line.status === 'warn') await context.say(`${line.status.toUpperCase()} ${line.message}`, line.status === 'error' ? 'error' : 'warning')
  }
  return { status: checked.status, ...counts }
}

export interface Estimate { rawBytes: number; storedBytes: number; method: FrozenSource['settings']['estimate']; from: 'history' | 'host' }

/** What the next full will be, by the method chosen. Without a history the files are looked at; sizes of files alone say how much is read, and the last full how well it compresses. */
export async function estimateSource(parts: WorkerParts, source: FrozenSource): Promise<Estimate> {
  const method = source.settings.estimate
  const fulls = method === 'accurate' ? [] : await listFullSizes(parts.db, source.id, 5)
  if (method === 'historical' && fulls.length > 0) {
    const average = (values: readonly number[]): number => Math.round(values.reduce((sum, value) => sum + value, 0) / values.length)
    return { rawBytes: average(fulls.map(one => one.rawBytes)), storedBytes: average(fulls.map(one => one.storedBytes)), method, from: 'history' }
  }
  const agent = await parts.pool.agent(source.hostId)
  const said = await agent.call('cluster.estimate', { cluster: await clusterAccess(parts, source), method: method === 'accurate' ? 'accurate' : 'quick', compressionLevel: zstdLevel(source.settings) }, { deadlineMs: source.settings.estimateTimeoutSeconds * 1000 })
  const [last] = fulls
  return { rawBytes: said.rawBytes, storedBytes: last === undefined || last.rawBytes === 0 ? said.storedBytes : Math.round(said.rawBytes * (last.storedBytes / last.rawBytes)), method, from: 'host' }
}

export const estimate: Handler<'estimate'> = async context => {
  await context.phase('estimate')
  const found = await estimateSource(context.parts, context.input.source)
  await context.emit([], { totalBytes: found.rawBytes })
  await context.say(`About ${sizeInWords(found.rawBytes)}, ${sizeInWords(found.storedBytes)} stored`)
  return found
}
