/** The lines of a check (amcheck): what is looked at, in their order, and the shape of a result. */
import * as z from 'zod'

export const checkLines = {
  agent: 'Agent', connection: 'Connection', 'server-version': 'Server version', 'role-privileges': 'Role privileges', 'data-directory': 'Data directory',
  'data-readable': 'Data directory readable', excludes: 'Excludes', 'system-identifier': 'System identifier', 'wal-level': 'wal_level', 'archive-mode': 'archive_mode', 'archive-command': 'archive_command',
  'archive-directory': 'Archive directory', 'archive-placement': 'Archive outside data', 'archive-names': 'Names in the archive', 'archive-working': 'Archiver state', 'archive-effective': 'Segment arrives',
  passfile: 'Password file', 'temp-directory': 'Temporary directory', 'state-directory': 'State directory', 'free-space': 'Free space', tablespaces: 'Tablespaces',
  timeline: 'Timeline', recovery: 'In recovery', slots: 'Replication slots', clock: 'Clock', checksums: 'Data checksums', 'summarize-wal': 'summarize_wal', binaries: 'Binaries', storage: 'Storage', 'encryption-key': 'Encryption key',
} as const
export type CheckLineId = keyof typeof checkLines
export const CheckLineId = z.enum(Object.keys(checkLines) as [CheckLineId, ...CheckLineId[]])

export const CheckStatus = z.enum(['ok', 'warn', 'error', 'info'])
export type CheckStatus = z.infer<typeof CheckStatus>

/** What the console may change itself, on request: a closed list, each known to the agent by its own rule; nothing free comes from a browser. */
export const fixes = {
  'wal-level': 'Set wal_level',
  'archive-mode': 'Switch archiving on',
  'archive-command': 'Set archive_command',
  'summarize-wal': 'Switch WAL summaries on',
  grants: 'Grant what the role lacks',
  'passfile-mode': 'Close the password file',
  'archive-directory': 'Make the archive directory',
} as const
export type FixId = keyof typeof fixes
export const FixId = z.enum(Object.keys(fixes) as [FixId, ...FixId[]])

/** One thing that a fix changes: `from` null = it is not there yet. */
export const Change = z.object({ what: z.string(), from: z.string().nullable(), to: z.string() })
export type Change = z.infer<typeof Change>

/** A fix as it is shown before a person agrees: what changes, by which statements, and whether only a restart brings it into force. */
export const FixPlan = z.object({ fix: FixId, changes: z.array(Change).min(1), statements: z.array(z.string()).min(1), needsRestart: z.boolean() })
export type FixPlan = z.infer<typeof FixPlan>

/** Two plans that change the same from the same to the same. */
export const isSamePlan = (a: FixPlan, b: FixPlan): boolean => JSON.stringify(FixPlan.parse(a)) === JSON.stringify(FixPlan.parse(b))

/** `fix` is exact: SQL, a shell command, or lines of a file, ready to copy. */
export const CheckLine = z.object({
  id: CheckLineId,
  status: CheckStatus,
  message: z.string(),
  found: z.string().optional(),
  wanted: z.string().optional(),
  fix: z.object({ kind: z.enum(['sql', 'command', 'file', 'text']), text: z.string() }).optional(),
  /** Present when the console can carry the fix out itself. */
  apply: FixPlan.optional(),
})
export type CheckLine = z.infer<typeof CheckLine>

/** The worst status of some lines; `info` counts as ok. */
export function worstStatus(lines: readonly { status: CheckStatus }[]): 'ok' | 'warn' | 'error' {
  if (lines.some(line => line.status === 'error')) return 'error'
  return lines.some(line => line.status === 'warn') ? 'warn' : 'ok'
}

/**
 * The rule by which one fault is one ERROR: a line that cannot be right, or cannot be judged, while another is an error says so as
 * `info` and names that other. Listed is what each line rests on; what needs the server at all is left out without a connection.
 */
export const restsOn: { readonly [Id in CheckLineId]?: readonly CheckLineId[] } = {
  connection: ['passfile'],
  'data-readable': ['data-directory', 'tablespaces'],
  excludes: ['data-directory', 'data-readable'],
  'archive-mode': ['wal-level'],
  // A command is judged against the directory of the source, and shows only while archive_mode is on.
  'archive-command': ['archive-mode', 'archive-directory', 'archive-placement'],
  'archive-placement': ['data-directory'],
  'archive-working': ['archive-mode', 'archive-command', 'archive-directory'],
  'archive-effective': ['archive-mode', 'archive-command', 'archive-directory', 'archive-placement', 'archive-names', 'archive-working'],
  'archive-names': ['archive-directory'],
  'free-space': ['temp-directory', 'archive-directory'],
  tablespaces: ['data-directory'],
}

/** Applies `restsOn`: only lines whose grounds are in order keep their ERROR or WARN. */
export function settleLines(lines: readonly CheckLine[]): CheckLine[] {
  const isWrong = (id: CheckLineId): boolean => lines.some(line => line.id === id && line.status === 'error')
  return lines.map(line => {
    const ground = restsOn[line.id]?.find(isWrong)
    if (ground === undefined || line.status === 'ok' || line.status === 'info') return line
    return { id: line.id, status: 'info', message: `Not judged until "${checkLines[ground]}" is in order: ${line.message}` }
  })
}
