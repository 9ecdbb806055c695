/** What takes how much of a storage device, and when an image goes. Pure. */
import type { BackupSet, ExpiryPreview, Source } from '#lib/contract/sets.ts'
import type { Media } from '#lib/contract/storages.ts'

export interface Share {
  sourceId: string
  setName: string
  sourceName: string
  fulls: number
  incrementals: number
  imageBytes: number
  walFiles: number
  walBytes: number
  totalBytes: number
}

/** What the image alone takes: one above level 0 is counted with the WAL of its range elsewhere, which here stands under WAL. */
const ownBytes = (image: Media['images'][number]): number => (image.level === 0 ? image.storedBytes : image.volumes.reduce((sum, volume) => sum + volume.sizeBytes, 0))

/** By source, largest first; each stored byte is counted once. */
export function sharesOf(media: Media, sources: readonly Pick<Source, 'id' | 'name' | 'setName'>[]): Share[] {
  const shares = sources.map((source) => {
    const images = media.images.filter((image) => image.setName === source.setName && image.sourceName === source.name)
    const wal = media.wal.filter((range) => range.sourceId === source.id)
    const [imageBytes, walBytes] = [images.reduce((sum, image) => sum + ownBytes(image), 0), wal.reduce((sum, range) => sum + range.storedBytes, 0)]
    const fulls = images.filter((image) => image.level === 0).length
    return { sourceId: source.id, setName: source.setName, sourceName: source.name, fulls, incrementals: images.length - fulls, imageBytes, walFiles: wal.reduce((sum, range) => sum + range.files, 0), walBytes, totalBytes: imageBytes + walBytes }
  })
  return shares.filter((share) => share.fulls + share.incrementals + share.walFiles > 0).toSorted((a, b) => b.totalBytes - a.totalBytes)
}

export type Going =
  | { kind: 'next' | 'held' | 'never' | 'replaced' }
  /** A day rule keeps it at least until then. */
  | { kind: 'not-before'; at: number }

const dayMs = 86_400_000

/** When an image goes, as far as the rules say today; `isExpiring` is what the preview of retention decided. */
export function goingOf({ endAt, isHeld, isExpiring }: { endAt: number; isHeld: boolean; isExpiring: boolean }, { keepDays, keepFulls }: BackupSet['retention'], now: number): Going {
  if (isExpiring) return { kind: 'next' }
  if (isHeld) return { kind: 'held' }
  if (keepDays === null) return { kind: keepFulls === null ? 'never' : 'replaced' }
  const at = endAt + keepDays * dayMs
  return at > now ? { kind: 'not-before', at } : { kind: 'replaced' }
}

export interface ExpiryRow {
  imageId: string
  setName: string
  sourceName: string
  level: number
  endAt: string
  storedBytes: number
  going: Going
  reasons: readonly string[]
}

/** Every image of the device with when it goes and what keeps it, what goes first on top. */
export function expiryRows(media: Media, previews: readonly { set: Pick<BackupSet, 'name' | 'retention'>; preview: ExpiryPreview }[], now: number): ExpiryRow[] {
  const images = new Map(media.images.map((image) => [image.imageId, image]))
  const rows = previews.flatMap(({ set, preview }) =>
    [...preview.expire.map((one) => ({ ...one, reasons: [], isExpiring: true })), ...preview.keep.map((one) => ({ ...one, isExpiring: false }))].flatMap(({ imageId, sourceName, level, endAt, reasons, isExpiring }) => {
      const image = images.get(imageId)
      if (image === undefined) return []
      const going = goingOf({ endAt: Date.parse(endAt), isHeld: image.isHeld, isExpiring }, set.retention, now)
      return [{ imageId, setName: set.name, sourceName, level, endAt, storedBytes: image.storedBytes, going, reasons }]
    }),
  )
  return rows.toSorted((a, b) => orderOf(a.going) - orderOf(b.going) || a.endAt.localeCompare(b.endAt))
}

/** For sorting: now, then by date, then what newer backups replace, then what stays. */
export const orderOf = (going: Going): number => (going.kind === 'not-before' ? going.at : { next: 0, replaced: Number.MAX_SAFE_INTEGER - 2, held: Number.MAX_SAFE_INTEGER - 1, never: Number.MAX_SAFE_INTEGER }[going.kind])
