// The command lines of pg_dump and psql as values, and what of pg_dump's text an older server does not know. Pure.
// Sources: https://www.postgresql.org/docs/current/app-pgdump.html, https://www.postgresql.org/docs/current/app-psql.html
import { type DumpFormat, type ExtractItem, isWhole } from '#lib/domain/extract.ts'
import type { ClusterAccess } from '#lib/protocol/cluster.ts'

export type Argv = [string, ...string[]]

/** A name as a pattern of pg_dump that means only itself. */
export const asPattern = (name: string): string => `"${name.replaceAll('"', '""')}"`

const server = ({ connectionHost, port, user }: ClusterAccess): string[] => ['-h', connectionHost, '-p', `${port}`, '-U', user, '-w']

export interface DumpOf {
  program: string
  access: ClusterAccess
  item: ExtractItem
  withOwners: boolean
  format: DumpFormat
  /** Drop what is there before it is made. */
  clean: boolean
}

/** Of an item with schemas or tables, not both (partsOf). Names that match nothing are an error, so that nothing is left out unseen. A whole database brings its own creation. */
export function pgDump({ program, access, item, withOwners, format, clean }: DumpOf): Argv {
  return [
    program, ...server(access), '-d', `dbname='${item.database.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`, '--strict-names', `--format=${format}`,
    ...(withOwners ? [] : ['--no-owner', '--no-privileges']),
    ...(clean ? ['--clean', '--if-exists'] : []),
    ...(isWhole(item) && format === 'plain' ? ['--create'] : []),
    ...item.schemas.map((name) => `--schema=${asPattern(name)}`),
    ...item.tables.map(({ schema, name }) => `--table=${asPattern(schema)}.${asPattern(name)}`),
    '--no-subscriptions', '--no-publications',
  ]
}

/** Reads what it does from its input, and stops at the first error. */
export const psql = ({ program, access, database }: { program: string; access: ClusterAccess; database: string }): Argv => [
  program, ...server(access), '-d', `dbname='${database.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`, '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', '-',
]

/** Settings that pg_dump writes into the head of its text, and the major that first knows them. */
const HEADS: readonly { line: RegExp; since: number }[] = [{ line: /^SET transaction_timeout = 0;$/, since: 17 }]

export interface HeadFilter {
  push: (chunk: Buffer) => Buffer
  /** What is left when the text ends. */
  rest: () => Buffer
}

/** Leaves out lines of the head that a server of `major` does not know; behind the first row of data nothing is looked at. */
export function headFilter(major: number): HeadFilter {
  const unknown = HEADS.filter(({ since }) => major < since)
  let held: Buffer = Buffer.alloc(0)
  let isInHead = unknown.length > 0
  const push = (chunk: Buffer): Buffer => {
    if (!isInHead) return chunk
    held = Buffer.concat([held, chunk])
    const kept: Buffer[] = []
    for (let end = held.indexOf(10); end >= 0; end = held.indexOf(10)) {
      const line = held.subarray(0, end).toString('latin1')
      if (!unknown.some((one) => one.line.test(line))) kept.push(held.subarray(0, end + 1))
      held = held.subarray(end + 1)
      if (!line.startsWith('COPY ')) continue
      isInHead = false
      kept.push(held)
      held = Buffer.alloc(0)
      break
    }
    return Buffer.concat(kept)
  }
  return { push, rest: () => held }
}
