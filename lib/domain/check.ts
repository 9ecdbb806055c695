/** The lines of a check (amcheck): what is looked at, in their order, and the shape of a result. */
import { z } from 'zod'

export const checkLines = {
  agent: 'Agent', connection: 'Connection', 'server-version': 'Server version', 'role-privileges': 'Role privileges', 'data-directory': 'Data directory',
  'data-readable': 'Data directory readable', 'system-identifier': 'System identifier', 'wal-level': 'wal_level', 'archive-mode': 'archive_mode', 'archive-command': 'archive_command',
  'archive-directory': 'Archive directory', 'archive-placement': 'Archive outside data', 'archive-working': 'Archiver state', 'archive-effective': 'Segment arrives',
  passfile: 'Password file', 'temp-directory': 'Temporary directory', 'state-directory': 'State directory', 'free-space': 'Free space', tablespaces: 'Tablespaces',
  timeline: 'Timeline', recovery: 'In recovery', slots: 'Replication slots', clock: 'Clock', checksums: 'Data checksums', 'summarize-wal': 'summarize_wal', binaries: 'Binaries', storage: 'Storage',
} as const
export type CheckLineId = keyof typeof checkLines
export const CheckLineId = z.enum(Object.keys(checkLines) as [CheckLineId, ...CheckLineId[]])

export const CheckStatus = z.enum(['ok', 'warn', 'error', 'info'])
export type CheckStatus = z.infer<typeof CheckStatus>

/** `fix` is exact: SQL, a shell command, or lines of a file, ready to copy. */
export const CheckLine = z.object({
  id: CheckLineId,
  status: CheckStatus,
  message: z.string(),
  found: z.string().optional(),
  wanted: z.string().optional(),
  fix: z.object({ kind: z.enum(['sql', 'command', 'file', 'text']), text: z.string() }).optional(),
})
export type CheckLine = z.infer<typeof CheckLine>

/** The worst status of some lines; `info` counts as ok. */
export function worstStatus(lines: readonly { status: CheckStatus }[]): 'ok' | 'warn' | 'error' {
  if (lines.some(line => line.status === 'error')) return 'error'
  return lines.some(line => line.status === 'warn') ? 'warn' : 'ok'
}
