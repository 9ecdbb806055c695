// Restores what `recover` has planned, says what to do next, and names damage with the nearest restore that does without it.
import { join } from 'node:path'
import { ProblemError } from '#lib/domain/problem.ts'
import { countInWords, momentInWords, sizeInWords } from '#lib/domain/words.ts'
import { quoteShell } from '#lib/postgres/archive-command.ts'
import type { Found, StoredSource } from '#lib/stored/stored-sources.ts'
import type { WalKey } from '#lib/stored/stored-wal.ts'
import { searchPath } from './environment.ts'
import { findProgram, postgresBinaries } from './programs.ts'
import type { RecoverOptions } from './recover-options.ts'
import type { Place } from './recover-place.ts'
import { type Order, orderOf, prepare, type Prepared } from './recover-plan.ts'
import { carryOut, carryOutArchive, damagedAmong } from './recover-run.ts'
import type { Screen } from './recover-screen.ts'
import { asProblem } from './system-problem.ts'

const word = (text: string): string => (/^[A-Za-z0-9_./+:=@-]+$/.test(text) ? text : quoteShell(text))

/** The same request as a command, with other words for the target where those are given. */
function commandOf({ name }: Place, { setName, name: source }: StoredSource, rest: readonly string[]): string {
  return ['node', process.argv[1] ?? 'agent.mjs', 'recover', '--from', name, '--set', setName, '--source', source, ...rest].map(word).join(' ')
}

/** What a person does next: start the server of the right major on what was restored. */
async function nextSteps({ image }: Prepared, options: Pick<RecoverOptions, 'isFilesOnly' | 'only'>, destination: string): Promise<string[]> {
  const program = (await findProgram('pg_ctl', [...postgresBinaries(image.major), ...(postgresBinaries(image.major).length === 0 ? searchPath() : [])])) ?? 'pg_ctl'
  const data = join(destination, 'data')
  const start = `${word(program)} -D ${word(data)} -o '-p 5433' start`
  const isRoot = process.getuid?.() === 0
  return [
    'Next:',
    ...(isRoot ? [`  chown -R postgres: ${word(destination)}    (where the user is another than the one the files were backed up of)`] : []),
    `  ${isRoot ? `runuser -u postgres -- ${start}` : start}`,
    options.isFilesOnly || options.only === 'data' ? '  Nothing is replayed by itself: the files alone are not consistent until the WAL of the backup is replayed (RESTORE.md, "Let PostgreSQL fetch WAL").' : `  It replays ${word(join(destination, 'archive'))} and opens at the target; its log says when. It archives nothing until archive_mode is taken out of postgresql.auto.conf.`,
  ]
}

export interface Session {
  place: Place
  found: Found
  keys: readonly WalKey[]
  screen: Screen
  signal: AbortSignal
}

/** What one of several sources has that is not as it should be. */
export function warningsOf({ refused, unfinished }: Found, source: StoredSource | null): string[] {
  const below = source === null ? '' : `sets/${source.setName}/${source.name}/`
  return [
    ...refused.filter(({ path }) => path.startsWith(below)).map(({ path, reason }) => `WARNING: ${path} cannot be used: ${reason}`),
    ...(source === null && unfinished.length > 0 ? [`${countInWords(unfinished.length, 'folder')} of backups that were never finished left alone`] : []),
  ]
}

type Restore = Omit<RecoverOptions, 'destination' | 'place' | 'set' | 'source' | 'keyFiles' | 'does'> & { destination: string }

/** Restores what was prepared, and says what to do next. Damage is named with what can be restored without it. */
export async function restorePrepared(session: Session, prepared: Prepared, options: Restore): Promise<void> {
  const { place, keys, screen, signal } = session
  const order = orderOf(prepared, options, keys.map(({ identity }) => identity))
  try {
    const began = Date.now()
    const seconds = () => Math.max(1, Math.round((Date.now() - began) / 1000))
    if (options.only === 'archive') {
      const { archiveDirectory, walFiles } = await carryOutArchive(place, order, { screen, signal })
      screen.line(`${countInWords(walFiles, 'WAL file')} in ${archiveDirectory}, in ${seconds()} s.`)
      if (process.getuid?.() === 0) screen.line(`They belong to root: chown -R postgres: ${word(options.destination)}`)
      return
    }
    const result = await carryOut(place, order, { temp: options.temp, screen, signal })
    screen.line(`Restored in ${seconds()} s: ${countInWords(result.fileCount, 'file')}, ${sizeInWords(result.rawBytes)}, into ${result.dataDirectory}${options.only === 'data' ? '' : `; ${countInWords(result.walFiles, 'WAL file')} into ${result.archiveDirectory}`}.`)
    for (const { oid, path } of result.tablespaces) screen.line(`Tablespace ${oid} is in ${path}.`)
    for (const line of await nextSteps(prepared, options, options.destination)) screen.line(line)
  } catch (error) {
    const { code, message, detail = '' } = asProblem(error)
    if (code !== 'storage-corrupt' && code !== 'not-found') throw error
    throw await withNearest(session, prepared, { options, order, error, said: `${message} ${detail}` })
  }
}

/** The same failure, with the whole names of what is damaged and the newest restore that does without it. */
async function withNearest({ place, keys }: Session, { source, jsons }: Prepared, { options, order, error, said }: { options: Restore; order: Order; error: unknown; said: string }): Promise<Error> {
  const damaged = await damagedAmong(place, order, said)
  const reason = asProblem(error)
  if (damaged.length === 0) return new ProblemError(reason, { cause: error })
  const images = source.images.filter(({ path }) => damaged.some((key) => key.startsWith(`${path}/`))).map(({ json }) => json.id)
  const without = new Set([...options.without, ...images, ...damaged.filter((key) => !images.some((id) => key.includes(`/images/${id}/`)))])
  const left = [...without].flatMap((name) => ['--without', name])
  const detail = `${reason.detail ?? ''} Damaged: ${damaged.join(', ')}.`.trim()
  try {
    const { plan } = await prepare(place, source, keys, { wanted: { ...options, imageId: options.imageId !== null && without.has(options.imageId) ? null : options.imageId, without }, now: Date.now() })
    const json = jsons.get(plan.image.id)
    return new ProblemError({ ...reason, detail, hint: `The nearest image that is not known to be damaged is level ${json?.level ?? 0} of ${momentInWords(plan.image.endAt)}, ${plan.image.id}: give the same command again with ${left.map(word).join(' ')}` }, { cause: error })
  } catch (refusal) {
    const other = asProblem(refusal)
    return new ProblemError({ ...reason, detail, hint: `Without it: ${other.message} ${other.detail ?? ''} See ${commandOf(place, source, ['--list'])}` }, { cause: error })
  }
}
