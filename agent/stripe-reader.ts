// In a worker thread: the volumes of one part of a stripe, one after another as they arrive in the spool.
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import type { ReadStored } from '#lib/image/file-reader.ts'
import type { StoredVolume } from '#lib/image/image-json.ts'
import { parseVolumeName } from '#lib/image/layout.ts'
import { digestOf } from './compare-files.ts'
import { type ReadVolume, volumeReader } from './volume-bytes.ts'

export interface StripeReader {
  /** Pieces must be asked for in the order of the stripe; the bytes are good until the next one. */
  read: ReadStored
  /** Throws storage-corrupt, naming it, if the volume that was read last is not what was written. */
  prove(): void
  /** Takes the volumes that are left. */
  end(): void
}

interface StripeReaderOptions {
  /** Where the volumes arrive. */
  folder: string
  /** Those with anything needed, in order. */
  volumes: readonly StoredVolume[]
  identities: readonly string[]
  /** Returns when so many of the volumes have arrived. */
  waitFor: (have: number) => void
  onUsed: (name: string) => void
  /** Called now and then while a volume is proved; may throw. */
  check: () => void
}

export function stripeReader({ folder, volumes, identities, waitFor, onUsed, check }: StripeReaderOptions): StripeReader {
  let at = -1
  let open: { number: number; fd: number; volume: StoredVolume; read: ReadVolume } | null = null
  const prove = (): void => {
    if (open === null) return
    const { name, sizeBytes, sha256 } = open.volume
    const found = digestOf(open.fd, check)
    if (found.size === sizeBytes && found.sha256 === sha256) return
    throw problem('storage-corrupt', `The volume ${name} is not what was written`, { detail: `Written: ${sizeBytes} bytes with sha256 ${sha256}; here: ${found.size} bytes with sha256 ${found.sha256}.` })
  }
  const openNext = (): void => {
    if (open !== null) {
      closeSync(open.fd)
      onUsed(open.volume.name)
      open = null
    }
    at += 1
    const volume = volumes[at]
    if (volume === undefined) return
    waitFor(at + 1)
    const fd = openSync(join(folder, volume.name), 'r')
    const number = parseVolumeName(volume.name)?.number ?? 0
    open = { number, fd, volume, read: () => Buffer.alloc(0) } // there to be proved if it cannot be opened
    open.read = volumeReader(fd, volume, identities)
  }
  return {
    prove,
    read({ volume, offset, length }) {
      while (open?.number !== volume) {
        openNext()
        if (open === null) throw problem('storage-corrupt', `The index asks for volume ${volume} of a stripe that does not have it where it should be`)
      }
      return open.read(offset, length)
    },
    end() {
      while (at < volumes.length) openNext()
    },
  }
}
