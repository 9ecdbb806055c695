/** Whether a storage device has room for the next full of a source: by what its fulls took so far, else by its files alone. */
import { type CheckLine } from './check.ts'
import { sizeInWords } from './words.ts'

export interface Room {
  /** After keep-free and quota; Infinity where nobody tells a limit. */
  availableBytes: number
  /** The last fulls, newest first. */
  fulls: readonly { rawBytes: number; storedBytes: number }[]
  /** Files of the data directory, null = not known. */
  sizeBytes: number | null
}

/** A full that did not compress at all would take as much; less is possible, so that it is no error. */
export function roomLine({ availableBytes, fulls, sizeBytes }: Room): Omit<CheckLine, 'id'> {
  const found = availableBytes === Infinity ? 'no limit is set' : `${sizeInWords(availableBytes)} free`
  const fix = { kind: 'text', text: 'Free space on the device, raise its quota, lower its keep-free, shorten the retention, or choose another device in Backup ▸ Where.' } as const
  const [last] = fulls
  if (last !== undefined) {
    // A cluster grows: what the last full took is scaled to the files of now.
    const wanted = sizeBytes === null || last.rawBytes === 0 ? last.storedBytes : Math.round(last.storedBytes * (sizeBytes / last.rawBytes))
    if (availableBytes < wanted) return { status: 'error', message: `The storage device has no room for the next full, which takes about ${sizeInWords(wanted)}`, found, wanted: sizeInWords(wanted), fix }
  } else if (sizeBytes !== null && availableBytes < sizeBytes) {
    return { status: 'warn', message: `The first full may not fit: the data directory has ${sizeInWords(sizeBytes)}, and how well it compresses is not known yet`, found, wanted: sizeInWords(sizeBytes), fix: { kind: 'text', text: `Choose "Reliably accurate" estimates in Backup ▸ What and start one, or: ${fix.text[0]?.toLowerCase()}${fix.text.slice(1)}` } }
  }
  return { status: 'ok', message: 'The storage device can be written and read, and the next full fits', found }
}
