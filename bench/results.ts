// What the rounds say, as a table for people, and RESULTS.md, in which a new section takes the place of the older one of its heading.
import { cpus, release, totalmem } from 'node:os'
import { readIfThere } from '#lib/platform/files.ts'
import { writeFile } from 'node:fs/promises'
import { median, type Outcome, type Run } from './rounds.ts'

export interface Section {
  /** What was measured: job, data, size, server, cache. */
  heading: string
  notes: readonly string[]
  outcomes: readonly Outcome[]
  unit: 's' | 'ms'
  processors: number
}

const MB = 1e6
const units = { s: { factor: 1, digits: 2 }, ms: { factor: 1000, digits: 1 } } as const

/** Pure: one row a contestant; a ratio above 1 means slower than the first. */
export function tableOf({ outcomes, unit }: Pick<Section, 'outcomes' | 'unit'>): string {
  const { factor, digits } = units[unit]
  const of = (runs: readonly Run[], value: (run: Run) => number) => runs.map(value)
  const time = (seconds: number): string => (seconds * factor).toFixed(digits)
  const ours = median(of(outcomes[0]?.runs ?? [], ({ seconds }) => seconds))
  const best = Math.min(...of(outcomes[0]?.runs ?? [], ({ seconds }) => seconds))
  const rows = outcomes.map(({ name, runs }) => {
    const seconds = of(runs, (run) => run.seconds)
    const stored = runs.map(({ storedBytes }) => storedBytes).filter((bytes) => bytes !== null)
    const cells = [
      name, time(median(seconds)), `${time(Math.min(...seconds))}–${time(Math.max(...seconds))}`, `${(median(seconds) / ours).toFixed(2)}×`, `${(Math.min(...seconds) / best).toFixed(2)}×`,
      stored.length === 0 ? '–' : (median(stored) / MB).toFixed(2), time(median(of(runs, ({ cpuSeconds }) => cpuSeconds))), (Math.max(...of(runs, ({ peakRssBytes }) => peakRssBytes)) / MB).toFixed(0),
    ]
    return `| ${cells.join(' | ')} |`
  })
  return [`| | median ${unit} | min–max | median / ours | best / our best | MB stored | CPU ${unit} | peak RSS MB |`, '|---|---|---|---|---|---|---|---|', ...rows].join('\n')
}

/** Pure: how much of the machine everybody else took, in a sentence. */
function disturbance(outcomes: readonly Outcome[], processors: number): string {
  const runs = outcomes.flatMap(({ runs: all }) => all)
  const shares = runs.map(({ othersCpuSeconds, seconds }) => (100 * othersCpuSeconds) / (seconds * processors))
  return `Other programs of this machine took ${median(shares).toFixed(0)} % of its CPU meanwhile (median of the runs; at most ${Math.max(...shares).toFixed(0)} %).`
}

/** Pure: the text of one section. */
export const sectionText = (section: Section): string => [`## ${section.heading}`, '', ...[...section.notes, disturbance(section.outcomes, section.processors)].flatMap((note) => [note, '']), tableOf(section), ''].join('\n')

const head = `# Results of \`npm run bench\`

Written by the benchmark: each section is the newest run of its kind. Contestants ran in turn in one run; "median / ours" above 1 means slower than
Howdah; best / our best compares the fastest runs, which other programs of the machine disturbed least. CPU is user and system of everything involved: the contestant, ssh and sshd, and the PostgreSQL server's work for it. Peak RSS is the largest
process of the contestant, the server's excepted.
`

/** Pure: puts a section in its place. */
export function withSection(text: string | undefined, section: Section): string {
  const parts = (text ?? head).split(/^(?=## )/m)
  const mine = sectionText(section)
  const place = parts.findIndex((part) => part.startsWith(`## ${section.heading}\n`))
  const all = place === -1 ? [...parts, mine] : parts.toSpliced(place, 1, mine)
  return `${all.map((part) => part.trimEnd()).join('\n\n')}\n`
}

export async function writeSection(path: string, section: Section): Promise<void> {
  await writeFile(path, withSection(await readIfThere(path), section))
}

/** The machine and the day, which every section states. */
export function circumstances(now: Date): string {
  const [cpu] = cpus()
  return `${now.toISOString().slice(0, 10)}, ${cpus().length} × ${cpu?.model.trim() ?? 'CPU'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}, Node ${process.versions.node}.`
}
