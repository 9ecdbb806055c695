// What a person may ask of the benchmark: one table of jobs with what each measures when nothing else is said, and the parsed command line.
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

export const dataKinds = ['pgbench', 'mixed'] as const
export type DataKind = (typeof dataKinds)[number]
export const caches = ['warm', 'cold'] as const
export type Cache = (typeof caches)[number]

export const jobs = {
  full: { data: 'mixed', caches: ['warm'], rounds: 5 },
  ssh: { data: 'mixed', caches: ['warm'], rounds: 5 },
  incremental: { data: 'pgbench', caches: ['warm'], rounds: 5 },
  restore: { data: 'pgbench', caches, rounds: 5 },
  wal: { data: 'pgbench', caches: ['warm'], rounds: 30 },
} as const satisfies Record<string, { data: DataKind; caches: readonly Cache[]; rounds: number }>
export type JobName = keyof typeof jobs
const jobNames = Object.keys(jobs) as JobName[]
/** A full is measured both ways: into a local directory, and through sshd to a disk on the console. */
const asked: Record<string, readonly JobName[]> = { ...Object.fromEntries(jobNames.map((name) => [name, [name]])), all: jobNames }

const sizesGb: Record<DataKind, number> = { pgbench: 4, mixed: 1.3 }

export interface JobOptions {
  job: JobName
  data: DataKind
  sizeGb: number
  rounds: number
  caches: readonly Cache[]
}

export interface Options {
  jobs: readonly JobOptions[]
  /** Part of a contestant's name; absent = all that are installed. */
  only: readonly string[] | undefined
  /** Folder that is kept: clusters in it are used again. */
  work: string
  results: string
  major: number
  /** Pages to change before an incremental. */
  pages: readonly number[]
  /** First of the ports to use; absent = any free one. */
  port: number | undefined
  /** Folder whose `bin` holds a second pgbackrest and PostgreSQL 17. */
  second: string | undefined
}

export const usage = `usage: npm run bench -- ${Object.keys(asked).join(' | ')}
  --data pgbench|mixed  what the cluster holds (full, ssh: mixed; incremental, restore, wal: pgbench; a chain is of pgbench)
  --size GB             its size (pgbench ${sizesGb.pgbench}, mixed ${sizesGb.mixed})
  --rounds N            runs of each contestant (5; wal: 30)
  --cold, --warm        the caches dropped before each run, or filled (usual for all but restore); both = each in turn (usual for restore)
  --only name,name      contestants whose name holds one of these; Howdah always runs
  --pages N,N           pages to change before an incremental (4000,170000)
  --major 15|17         the server; 17 needs --second
  --second FOLDER       a second pgbackrest and PostgreSQL 17 in FOLDER/bin (or HOWDAH_BENCH_DEBIAN13)
  --work FOLDER         kept between calls (howdah-bench in the system's folder for temporary files)
  --results FILE        what is written (bench/RESULTS.md)
  --port N              first port to listen on (any free one)`

export class UsageError extends Error {}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new UsageError(`--${name} must be a number above 0, not ${text}.`)
  return value
}

const isDataKind = (text: string): text is DataKind => dataKinds.some((kind) => kind === text)

/** Throws UsageError with the reason. */
export function parseOptions(args: readonly string[], environment: { second?: string | undefined } = {}): Options {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const { values, positionals } = (() => {
    try {
      return parseArgs({ args: [...args], allowPositionals: true, options: { data: text, size: text, rounds: text, only: text, pages: text, major: text, second: text, work: text, results: text, port: text, cold: flag, warm: flag } })
    } catch (error) {
      throw new UsageError(error instanceof Error ? error.message : String(error))
    }
  })()
  const [name = '', ...more] = positionals
  const names = asked[name]
  if (names === undefined || more.length > 0) throw new UsageError(name === '' ? 'Say what to measure.' : `There is no benchmark "${positionals.join(' ')}".`)
  const { data, size, rounds } = values
  if (data !== undefined && !isDataKind(data)) throw new UsageError(`--data is one of ${dataKinds.join(', ')}, not ${data}.`)
  const wanted = caches.filter((cache) => values[cache] === true)
  const major = values.major === undefined ? 15 : positive('major', values.major)
  const second = values.second ?? environment.second
  if (major !== 15 && major !== 17) throw new UsageError('--major is 15 (Debian 12) or 17 (in the folder of --second).')
  if (major === 17 && second === undefined) throw new UsageError('--major 17 needs --second FOLDER, or HOWDAH_BENCH_DEBIAN13, with bin/postgres of PostgreSQL 17 in it.')
  return {
    jobs: names.map((job) => {
      const usual = jobs[job]
      const kind = data ?? usual.data
      return { job, data: kind, sizeGb: size === undefined ? sizesGb[kind] : positive('size', size), rounds: rounds === undefined ? usual.rounds : Math.ceil(positive('rounds', rounds)), caches: wanted.length === 0 ? usual.caches : wanted }
    }),
    only: values.only?.split(',').filter((part) => part !== ''),
    work: resolve(values.work ?? join(tmpdir(), 'howdah-bench')),
    results: resolve(values.results ?? join(import.meta.dirname, 'RESULTS.md')),
    major,
    pages: (values.pages ?? '4000,170000').split(',').map((part) => Math.ceil(positive('pages', part))),
    port: values.port === undefined ? undefined : positive('port', values.port),
    second: second === undefined ? undefined : resolve(second),
  }
}
