// What the image that a changed-block backup builds on holds: which files, how to tell them from others of their names, and which of them had rested.
import { pathOfIncremental } from '#lib/postgres/incremental.ts'
import { entriesOfIndex } from './index-file.ts'

export interface BaseFile {
  identity: string
  /** ctime of a file at rest, if this start of the operating system saw it so; any other start tells nothing. */
  restedAtMs?: number
}

/** What the kernel shows of a file at rest, as an index keeps it. */
export const restText = (boot: string, ctimeMs: number): string => `${boot}/${ctimeMs}`

/** What to keep of an entry; `boot` is the start of the system that goes on now. */
export function baseFile({ identity, rest }: { identity: string; rest?: string | undefined }, boot: string | null): BaseFile {
  const [of, ctimeMs] = rest?.split('/') ?? []
  return { identity, ...(of !== undefined && of === boot ? { restedAtMs: Number(ctimeMs) } : {}) }
}

/** Files by path below the data directory, whether they were stored whole or as their changed blocks. */
export function filesOfBase(indexPath: string, boot: string | null): Map<string, BaseFile> {
  const files = new Map<string, BaseFile>()
  for (const { type, path, identity, rest } of entriesOfIndex(indexPath)) {
    if (type === 'file' && path !== undefined && identity !== undefined) files.set(pathOfIncremental(path) ?? path, baseFile({ identity, rest }, boot))
  }
  return files
}
