/** What adoption finds on a storage device and takes into the catalog: the result of its run, and what the preview shows. */
import * as z from 'zod'
import { countInWords } from './words.ts'

const Count = z.int().nonnegative()

export const AdoptedSource = z.object({
  id: z.uuid(),
  name: z.string(),
  hostName: z.string(),
  /** False = the catalog knows it already; only what it lacks is added. */
  isNew: z.boolean(),
  fulls: Count, incrementals: Count, walFiles: Count,
  /** What the catalog has of it already. */
  knownImages: Count, knownWalFiles: Count,
  storedBytes: Count,
  /** Ends of the oldest and the newest image that come. */
  from: z.iso.datetime().nullable(),
  to: z.iso.datetime().nullable(),
})
export type AdoptedSource = z.infer<typeof AdoptedSource>

export const Adoption = z.object({
  isPreview: z.boolean(),
  sets: z.array(z.object({ id: z.uuid(), name: z.string(), isNew: z.boolean(), sources: z.array(AdoptedSource) })),
  /** Damaged: left where it is, and not taken. */
  refused: z.array(z.object({ path: z.string(), reason: z.string() })),
  /** What the catalog has no key for. `keyId` is the id that the lost catalog gave it; null = WAL, which does not say whose it is. */
  missingKeys: z.array(z.object({ keyId: z.uuid().nullable(), recipient: z.string().nullable(), images: Count, walFiles: Count })),
  /** Left by runs that never published: no image, and nothing to adopt. */
  unfinished: z.array(z.string()),
})
export type Adoption = z.infer<typeof Adoption>

export const newImages = ({ sets }: Adoption): number => sets.flatMap(({ sources }) => sources).reduce((sum, source) => sum + source.fulls + source.incrementals, 0)
export const newWalFiles = ({ sets }: Adoption): number => sets.flatMap(({ sources }) => sources).reduce((sum, source) => sum + source.walFiles, 0)

/** '2 sources of 1 set, 5 images and 40 WAL files'; what is refused comes behind it. */
export function adoptionInWords(adoption: Adoption): string {
  const sources = adoption.sets.flatMap((set) => set.sources)
  const [images, wal] = [newImages(adoption), newWalFiles(adoption)]
  const verb = adoption.isPreview ? 'would come' : 'came'
  const rest = adoption.refused.length === 0 ? '' : `; ${countInWords(adoption.refused.length, 'thing')} refused`
  if (images + wal === 0 && sources.every((source) => !source.isNew)) return `Nothing ${verb}: the catalog knows all that can be adopted${rest}`
  return `${countInWords(images, 'image')} and ${countInWords(wal, 'WAL file')} of ${countInWords(sources.length, 'source')} in ${countInWords(adoption.sets.length, 'set')} ${verb} into the catalog${rest}`
}

export interface KeyWanted { keyId: string | null; recipient: string | null }
export const keyInWords = ({ keyId, recipient }: KeyWanted): string => (keyId === null ? 'a key that is not in the catalog' : `key ${keyId}${recipient === null ? '' : ` (${recipient})`}`)
