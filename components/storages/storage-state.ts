/** How a storage device is marked, and its space in words. */
import { formatBytes } from '#components/ui/format.ts'
import type { State } from '#components/ui/state.ts'
import type { Storage } from '#lib/contract/storages.ts'

export const storageStates = {
  ok: { state: 'ok', word: 'Tested' },
  problem: { state: 'failed', word: 'Test failed' },
  untested: { state: 'unknown', word: 'Not tested yet' },
} as const satisfies Record<Storage['state'], { state: State; word: string }>

/** "412 GiB free of 931 GiB", or that nobody has looked yet, or that nobody tells a limit. */
export function spaceText({ freeBytes, totalBytes, state }: Pick<Storage, 'freeBytes' | 'totalBytes' | 'state'>): string {
  if (freeBytes === null || totalBytes === null) return state === 'ok' ? 'no quota is set' : 'not known before the first test'
  return `${formatBytes(freeBytes)} free of ${formatBytes(totalBytes)}`
}

/** The same in few words, for a list to choose from. */
export const roomText = ({ freeBytes, state }: Pick<Storage, 'freeBytes' | 'state'>): string => (freeBytes !== null ? `${formatBytes(freeBytes)} free` : state === 'ok' ? 'no quota' : 'not tested yet')

export type SpaceLike = Pick<Storage, 'freeBytes' | 'totalBytes' | 'usedBytes' | 'keepFreeBytes' | 'quotaBytes' | 'state'>

/** How many more bytes backups may take: the disk's free space less what stays free, and no more than the quota leaves. */
export function roomBytes({ freeBytes, usedBytes, keepFreeBytes, quotaBytes }: SpaceLike): number | null {
  if (freeBytes === null) return null
  const byDisk = Math.max(0, freeBytes - keepFreeBytes)
  return quotaBytes === null ? byDisk : Math.min(byDisk, Math.max(0, quotaBytes - usedBytes))
}

const gib = 1024 ** 3
/** Bytes in a field that counts GiB, to three decimals. */
export const toGib = (bytes: number): number => Math.round((bytes / gib) * 1000) / 1000
export const fromGib = (amount: number): number => Math.round(amount * gib)
