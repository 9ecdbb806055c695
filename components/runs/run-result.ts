/** What a run left behind, as lines for its page. The result of each kind is JSON of the worker; what is not known here is not shown. Pure. */
import * as z from 'zod'
import { formatBytes, formatCount, formatDuration } from '#components/ui/format.ts'

export interface ResultLine { key: string; label: string; text: string; mono: boolean }

const amount = z.number()
const words = z.string().min(1)
const line = <T>(label: string, shape: z.ZodType<T>, text: (value: T) => string | null, mono = false) => ({
  label, mono,
  read: (value: unknown): string | null => {
    const parsed = shape.safeParse(value)
    return parsed.success ? text(parsed.data) : null
  },
})
const count = (label: string) => line(label, amount, formatCount)
const bytes = (label: string) => line(label, amount, formatBytes)
const text = (label: string) => line(label, words, (value) => value, true)

/** In the order of the page. */
const lines = {
  target: line('Brought back to', words, (value) => value),
  dataDirectory: text('Data directory'),
  archiveDirectory: text('Archive directory'),
  noChanges: line('Changes', z.literal(true), () => 'Nothing was written since the base'),
  rawBytes: bytes('Original size'),
  storedBytes: bytes('Stored'),
  files: count('Files'),
  fileCount: count('Files'),
  volumes: count('Volumes'),
  walSegments: count('WAL segments'),
  walFiles: count('WAL files'),
  walBytes: bytes('WAL'),
  stored: count('WAL files stored'),
  removed: count('WAL files removed from the host'),
  timeline: count('Timeline'),
  port: line('Port', amount, String),
  // Written like every moment, to the microsecond that PostgreSQL knows.
  lastCommitAt: line('Last commit replayed', z.iso.datetime(), (value) => value.replace('T', ' ').replace('Z', ' UTC')),
  stoppedAt: line('Replay stopped', words, (value) => value),
  replayedBytes: bytes('WAL replayed'),
  seconds: line('Away', z.object({ stopped: amount }), ({ stopped }) => formatDuration(Math.round(stopped * 1000))),
  databases: line('Databases', z.array(z.object({ name: words })), (found) => found.map(({ name }) => name).join(', ')),
  undonePath: text('What was recovered is kept in'),
  freedBytes: bytes('Freed'),
  beginLsn: text('Begin LSN'),
  endLsn: text('End LSN'),
} as const

export function resultLines(result: unknown): ResultLine[] {
  const fields = z.record(z.string(), z.unknown()).safeParse(result)
  if (!fields.success) return []
  return Object.entries(lines).flatMap(([key, { label, mono, read }]) => {
    const said = read(fields.data[key])
    return said === null ? [] : [{ key, label, text: said, mono }]
  })
}

/** The command that starts a restored cluster. */
export const startCommandOf = (result: unknown): string | null => z.object({ startCommand: words }).safeParse(result).data?.startCommand ?? null
