/** A database cluster that an agent found on its host, without needing to connect to it. */
import * as z from 'zod'

/** What an agent found about one cluster on its host, without needing to connect. */
export const FoundCluster = z.object({
  dataDirectory: z.string(),
  /** null = its files may not be read, and neither path nor program tells. */
  major: z.int().nullable(),
  systemIdentifier: z.string().optional(),
  isRunning: z.boolean(),
  port: z.int().optional(),
  socketDirectory: z.string().optional(),
  owner: z.string(),
  configFile: z.string().optional(),
  service: z.string().optional(),
  archiveMode: z.string().optional(),
  archiveCommand: z.string().optional(),
  /** The directory that archive_command copies into, when it can be told. */
  archiveDirectory: z.string().optional(),
  binaries: z.string().optional(),
  problem: z.string().optional(),
})
export type FoundCluster = z.infer<typeof FoundCluster>

export const versionInWords = (major: number | null): string => (major === null ? 'PostgreSQL, version unknown' : `PostgreSQL ${major}`)
