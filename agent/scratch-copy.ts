// The folders of a restored copy that is only looked into: named so that they may be removed, whatever happens.
import { rm } from 'node:fs/promises'
import type { RestoreJob } from '#lib/protocol/cluster.ts'
import { scratchSocket } from './folder.ts'

/** Both are removed afterwards; the socket lies elsewhere where the path of the copy is too long for it. */
export const scratchFolders = (destination: string): string[] => [...new Set([destination, ...(scratchSocket(destination).startsWith(`${destination}/`) ? [] : [scratchSocket(destination)])])]

export async function removeScratch(destination: string): Promise<void> {
  for (const path of scratchFolders(destination)) await rm(path, { recursive: true, force: true })
}

/** The segments that recovery replays, in order, and their bytes; history files are not replayed. */
export function segmentsOf(wal: RestoreJob['wal']): { segments: string[]; walBytes: number } {
  const found = wal.filter(({ name }) => /^[0-9A-F]{24}$/.test(name))
  return { segments: found.map(({ name }) => name), walBytes: found.reduce((total, { rawBytes }) => total + rawBytes, 0) }
}
