// Takes parts out of an open scratch server: into files of this host, or into a server, all of one database or nothing.
import { chmod, mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type DumpFormat, type ExtractItem, isWhole, type LoadResult, partsOf } from '#lib/domain/extract.ts'
import { problem } from '#lib/domain/problem.ts'
import type { LoadJob } from '#lib/protocol/cluster.ts'
import { headFilter, pgDump, psql } from './dump-commands.ts'
import { openScratch, type OpenScratch, touchScratch } from './extract.ts'
import { countTables, existing, landing, type Landing, prelude, renamedInScratch, targetOf, type Target, undo, withPartitions } from './load-target.ts'
import { pourPrograms, runProgram } from './process.ts'
import { findProgram } from './programs.ts'
import type { RunContext } from './run.ts'
import { clientProgram } from './server-programs.ts'
import { syncOne } from './sync-tree.ts'
import { hasCode, pathProblem } from './system-problem.ts'

const LIMIT_MS = 7 * 24 * 3_600_000
const PROGRESS_MS = 500
const TOUCH_MS = 20_000

interface Tools {
  scratch: OpenScratch
  dump: { path: string; major: number }
}

export async function runLoad(job: LoadJob, run: RunContext): Promise<LoadResult> {
  run.emit({ kind: 'phase', phase: 'check' })
  const scratch = await openScratch(job.scratchRunId)
  const given = job.binaries ?? scratch.binaries
  const dump = await clientProgram('pg_dump', scratch.major, given)
  const touch = () => void touchScratch(job.scratchRunId).catch((error: unknown) => run.emit({ kind: 'log', level: 'warning', text: String(error) }))
  touch()
  const touching = setInterval(touch, TOUCH_MS)
  try {
    return job.into.kind === 'file' ? await intoFiles(job, job.into, { scratch, dump }, run) : await intoServer(job, job.into, { scratch, dump }, run)
  } finally {
    clearInterval(touching)
  }
}

const endings = { plain: 'sql', custom: 'dump' } as const satisfies Record<DumpFormat, string>
/** A name of a database as a part of the name of a file. */
const asFileName = (name: string): string => name.replaceAll(/[^A-Za-z0-9._-]/g, '_')

async function intoFiles({ items, withOwners }: LoadJob, { folder, name, format }: Extract<LoadJob['into'], { kind: 'file' }>, { scratch, dump }: Tools, run: RunContext): Promise<LoadResult> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw pathProblem('write-failed', folder, error)
  })
  const files: LoadResult['files'] = []
  run.emit({ kind: 'phase', phase: 'dump' })
  const parts = (await Promise.all(items.map((item) => withPartitions(item, scratch.access)))).flatMap(partsOf)
  for (const [index, item] of parts.entries()) {
    const isSecond = parts.slice(0, index).some(({ database }) => asFileName(database) === asFileName(item.database))
    const path = join(folder, `${name}-${asFileName(item.database)}${isSecond ? `-${index + 1}` : ''}.${endings[format]}`)
    if ((await stat(path).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT')) return null
      throw pathProblem('read-failed', path, error)
    })) !== null) throw problem('destination-refused', `${path} exists already`, { hint: 'Choose another folder.' })
    const part = `${path}.howdah-part`
    const argv = pgDump({ program: dump.path, access: scratch.access, item, withOwners, format, clean: false })
    const whole: typeof argv = [...argv, `--file=${part}`]
    run.emit({ kind: 'command', text: whole.join(' ') })
    const done = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const watching = setInterval(() => void stat(part).then(({ size }) => run.emit({ kind: 'progress', phase: 'dump', doneBytes: done + size, totalBytes: null }), () => undefined), PROGRESS_MS)
    try {
      const { code, stderr } = await run.guard(runProgram(whole, LIMIT_MS, { signal: run.signal }))
      if (code !== 0) throw dumpProblem(item, stderr)
      await chmod(part, 0o600)
      await syncOne(part)
      await rename(part, path)
    } finally {
      clearInterval(watching)
      await rm(part, { force: true })
    }
    files.push({ database: item.database, path, sizeBytes: (await stat(path)).size })
  }
  return { files, tables: [], places: files.map(({ path }) => path), bytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) }
}

/** What pg_dump said last, without its own name. */
const lastWords = (stderr: string): string => stderr.trim().split('\n').filter((line) => line.trim() !== '').slice(-8).join('\n')

const dumpProblem = ({ database }: ExtractItem, stderr: string) => problem('read-failed', `pg_dump could not read ${database} of the copy: ${lastWords(stderr).split('\n').at(-1) ?? 'it said nothing'}`, { detail: lastWords(stderr), hint: 'Choose other tables, or another moment; the target was not changed.' })

async function intoServer({ items, withOwners, binaries }: LoadJob, into: Extract<LoadJob['into'], { kind: 'server' }>, { scratch, dump }: Tools, run: RunContext): Promise<LoadResult> {
  const target = await targetOf(into.cluster, scratch.access)
  const program = (await findProgram('psql', [dirname(dump.path)])) ?? (await clientProgram('psql', scratch.major, binaries ?? scratch.binaries)).path
  const landings = (await Promise.all(items.map((item) => withPartitions(item, scratch.access)))).map((item) => landing(item, into))
  // Everything is looked at before anything is written.
  const there = (await Promise.all(landings.map((one) => existing(one, { target, scratch: scratch.access, policy: into.policy })))).flat()
  if (there.length > 0) {
    throw problem('conflict', `${there[0]} is there already${there.length === 1 ? '' : `, and ${there.length - 1} more`}`, { detail: there.slice(0, 20).join(', '), hint: into.policy === 'refuse' ? 'Load it under another name, or replace what is there.' : 'Remove what is left of an earlier load, or load again in a minute.' })
  }
  const counters = { bytes: 0 }
  const places: string[] = []
  const tables: LoadResult['tables'] = []
  run.emit({ kind: 'phase', phase: 'load' })
  for (const one of landings) {
    await loadOne({ one, target, dump, program, withOwners, policy: into.policy, scratch, counters }, run)
    places.push(...one.places)
  }
  run.emit({ kind: 'phase', phase: 'verify' })
  for (const one of landings) tables.push(...(await run.guard(countTables(one, { target, scratch: scratch.access }))))
  const different = tables.filter(({ rows, targetRows }) => rows !== targetRows)
  for (const { database, schema, name, rows, targetRows } of different) run.emit({ kind: 'strange', text: `${database}: ${schema}.${name} has ${rows} rows in the copy and ${targetRows} in the target: it was written to meanwhile, or a trigger or rule changed what was loaded.` })
  run.emit({ kind: 'log', level: 'info', text: `${tables.length - different.length} of ${tables.length} tables have as many rows in the target as in the copy.` })
  return { files: [], tables, places, bytes: counters.bytes }
}

interface LoadOne {
  one: Landing
  target: Target
  dump: Tools['dump']
  program: string
  withOwners: boolean
  policy: Extract<LoadJob['into'], { kind: 'server' }>['policy']
  scratch: OpenScratch
  counters: { bytes: number }
}

async function loadOne({ one, target, dump, program, withOwners, policy, scratch, counters }: LoadOne, run: RunContext): Promise<void> {
  await using renamed = await renamedInScratch(one, scratch.access)
  const isAtomic = !isWhole(one.item)
  const from = partsOf(renamed.item).map((item) => ({ argv: pgDump({ program: dump.path, access: scratch.access, item, withOwners, format: 'plain', clean: policy === 'replace' && isAtomic }) }))
  const to = psql({ program, access: target.access, database: isAtomic ? one.database : target.database })
  run.emit({ kind: 'command', text: `${from.map(({ argv }) => argv.join(' ')).join('; ')} | ${to.join(' ')}` })
  let saidAt = 0
  const onBytes = (bytes: number) => {
    counters.bytes += bytes
    if (Date.now() - saidAt < PROGRESS_MS) return
    saidAt = Date.now()
    run.emit({ kind: 'progress', phase: 'load', doneBytes: counters.bytes, totalBytes: null })
  }
  let isLoaded = false
  try {
    // A database cannot be made in a transaction; one that is not whole is dropped instead.
    const [before, after] = isAtomic ? [`BEGIN;\n${prelude(one)}`, 'COMMIT;\n'] : ['', '']
    const said = await pourPrograms({ from, to: { argv: to, env: target.environment }, before, after, filter: () => headFilter(target.major), onBytes, signal: run.signal })
    if (run.signal.aborted) throw run.signal.reason
    const failed = said.from.find(({ code }) => code !== 0)
    // Where both failed, one broke the pipe of the other: an error of the target is its own.
    if (said.to.code !== 0 && (failed === undefined || /ERROR: |FATAL: /.test(said.to.stderr))) throw loadProblem(one, said.to.stderr)
    if (failed !== undefined) throw dumpProblem(one.item, failed.stderr)
    isLoaded = true
  } finally {
    await undo(one, { target, policy, isLoaded })
  }
}

function loadProblem({ item, database }: Landing, stderr: string) {
  const errors = stderr.split('\n').filter((line) => /ERROR: |FATAL: |DETAIL: |HINT: /.test(line)).map((line) => line.replace(/^psql:<stdin>:\d+: /, ''))
  const first = errors[0] ?? lastWords(stderr)
  const hints: readonly { when: RegExp; hint: string }[] = [
    { when: /role ".*" does not exist/, hint: 'Create the role in the target, or load without owners and privileges.' },
    { when: /(type|function|extension|schema) .* does not exist/, hint: 'Create it in the target first (a table does not bring it along), or take its schema or the whole database.' },
    { when: /cannot drop .* because other objects depend on it/, hint: 'Drop what depends on it first, or load under another name.' },
    { when: /violates foreign key constraint/, hint: 'Choose the table it refers to as well, or load under another name.' },
    { when: /permission denied/, hint: 'The role of the target needs the right to create this: use a superuser for the source, or let the agent run as PostgreSQL’s own user.' },
  ]
  return problem('write-failed', `${isWhole(item) ? item.database : `The chosen parts of ${item.database}`} could not be loaded into ${database}: ${first}`, { detail: errors.slice(0, 12).join('\n'), hint: `${hints.find(({ when }) => when.test(stderr))?.hint ?? 'Mend what is said and load again.'} Nothing of it stays in the target.` })
}
