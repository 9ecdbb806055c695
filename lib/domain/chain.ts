/** Chains: which images one image needs, from its full down to itself. */
import type { ImageFact } from './facts.ts'

/** The chain of an image, full first, itself last; or the id that is missing. A base that is not of a lower level counts as missing: such a chain would never end at a full. */
export function chainOf(image: ImageFact, images: readonly ImageFact[]): ImageFact[] | { missing: string } {
  const byId = new Map(images.map(one => [one.id, one]))
  const chain = [image]
  for (let head = image; head.level > 0; ) {
    const base = head.baseImageId === null ? undefined : byId.get(head.baseImageId)
    if (base === undefined || base.level >= head.level || base.systemIdentifier !== head.systemIdentifier) return { missing: head.baseImageId ?? head.id }
    chain.unshift(base)
    head = base
  }
  return chain
}

/** The full an image rests on; null where its chain is broken. */
export function rootOf(image: ImageFact, images: readonly ImageFact[]): ImageFact | null {
  const chain = chainOf(image, images)
  return 'missing' in chain ? null : (chain[0] ?? null)
}

/** The images whose files together are the data directory of an image with files, the full first; null where one of them is missing or holds no files. */
export function dataChainOf(image: ImageFact, images: readonly ImageFact[]): ImageFact[] | null {
  if (!image.hasData) return null
  const chain = chainOf(image, images)
  return 'missing' in chain || chain.some(one => !one.hasData) ? null : chain
}

/** Newest last, by the moment they end; images that end together in the order of their WAL. */
export const byAge = (a: ImageFact, b: ImageFact): number => a.endAt - b.endAt || (a.endLsn < b.endLsn ? -1 : a.endLsn > b.endLsn ? 1 : a.level - b.level)
