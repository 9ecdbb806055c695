/** Where a recovered server is to live, how it is reached there, and the way back. */
import * as z from 'zod'
import { AbsolutePath } from './absolute-path.ts'
import { Service } from './service.ts'

export const RecoveryPlace = z.strictObject({
  dataDirectory: AbsolutePath,
  /** In place of the source's own cluster: archiving goes on afterwards. Elsewhere the copy never archives. */
  inPlace: z.boolean(),
  /** Of the cluster expected there, which is set aside; null = nothing may be there. */
  systemIdentifier: z.string().nullable(),
  service: Service,
  port: z.int().min(1).max(65535),
  /** Configuration outside of the data directory, which the service uses. */
  configFile: AbsolutePath.nullable(),
  /** Where the cluster archives to: history files there tell which timelines are taken. */
  archiveDirectory: AbsolutePath.nullable(),
  /** Of the copy's major, when not the usual ones. */
  binaries: AbsolutePath.nullable(),
  /** A role that exists on the server, to look whether it opened; the superuser of its own is taken where there is one. */
  user: z.string().min(1),
})
export type RecoveryPlace = z.infer<typeof RecoveryPlace>

/** How to be back where it was: kept by the console until the old copy is released. */
export const WayBack = z.object({
  /** Run of the recovery, as the marker in the old directory names it. */
  runId: z.uuid(),
  /** The old data directory, set aside; null = there was none. */
  oldPath: z.string().nullable(),
  /** `contents`: the directory could not be renamed, what is in it was. */
  mode: z.enum(['rename', 'contents', 'none']),
  wasRunning: z.boolean(),
  serverArguments: z.array(z.string()),
  logFile: z.string(),
  binaries: z.string(),
  oldBinaries: z.string().nullable(),
})
export type WayBack = z.infer<typeof WayBack>

/** What was recovered and then set aside, by Undo or by the way back of a recovery that failed. */
export const Kept = z.object({
  path: z.string(),
  /** Null where nobody counted them. */
  bytes: z.int().nonnegative().nullable(),
  /** Run of the recovery, as the marker in it names it. */
  runId: z.uuid(),
})
export type Kept = z.infer<typeof Kept>

/** What a recovery became. `active`: it opened, and the old cluster is kept until it is undone or released. `failed`: it was rolled back. */
export const recoveryStates = ['running', 'active', 'undone', 'released', 'failed'] as const
export const RecoveryState = z.enum(recoveryStates)
export type RecoveryState = z.infer<typeof RecoveryState>

/** What Release deletes: the old cluster of a recovery that opened, else what was recovered and is set aside; null = nothing is left on the host. */
export function releasable({ state, oldPath, oldBytes, kept }: { state: RecoveryState; oldPath: string | null; oldBytes: number | null; kept: Kept | null }): { path: string; bytes: number | null } | null {
  if (state === 'active') return oldPath === null ? null : { path: oldPath, bytes: oldBytes }
  return (state === 'undone' || state === 'failed') && kept !== null ? { path: kept.path, bytes: kept.bytes } : null
}
