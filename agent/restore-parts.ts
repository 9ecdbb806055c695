// Cuts the stripes of a chain's images into parts, which threads restore as they become free, and says in what order.
import { problem } from '#lib/domain/problem.ts'
import type { StoredVolume } from '#lib/image/image-json.ts'
import { parseVolumeName } from '#lib/image/layout.ts'

/** What one thread restores at a time: the entries [begin, end) of a stripe, counted from 0, and the numbers of the volumes that they need, in order. */
export interface StripePart {
  stripe: string
  begin: number
  end: number
  volumes: number[]
  /** What it costs: its content, and something for each file. */
  bytes: number
}

/** The same with its image, counted from 0, and its volumes as they are stored. */
export type Part = Omit<StripePart, 'volumes'> & { image: number; volumes: StoredVolume[] }

/** Enough that handing it out costs nothing, and little to wait for when all others are done. */
const PART_BYTES = 64 << 20
/** What making a file costs, in bytes of content. */
const COST_OF_A_FILE = 16 * 1024

/** Hears of all entries of an image in the order of its index. */
export interface Cutter {
  /** `bytes` of content are wanted of the next entry of the stripe, which lies in these volumes; null = nothing is. */
  next(stripe: string, wanted: { bytes: number; volumes: readonly number[] } | null): void
  parts(): StripePart[]
}

export function cutter(partBytes = PART_BYTES): Cutter {
  const parts: StripePart[] = []
  const open = new Map<string, { at: number; part: StripePart | null }>()
  return {
    next(stripe, wanted) {
      const of = open.get(stripe) ?? { at: 0, part: null }
      open.set(stripe, of)
      of.at += 1
      if (wanted === null) return
      if (of.part === null) parts.push((of.part = { stripe, begin: of.at - 1, end: of.at, volumes: [], bytes: 0 }))
      const { part } = of
      part.end = of.at
      for (const number of wanted.volumes) if (part.volumes.at(-1) !== number) part.volumes.push(number)
      part.bytes += wanted.bytes + COST_OF_A_FILE
      if (part.bytes >= partBytes) of.part = null
    },
    parts: () => parts,
  }
}

function storedIn(volumes: readonly StoredVolume[]): (stripe: string, number: number) => StoredVolume {
  const byPlace = new Map<string, StoredVolume>()
  for (const volume of volumes) {
    const parsed = parseVolumeName(volume.name)
    if (parsed === null) throw problem('storage-corrupt', `${volume.name} is not the name of a volume`)
    byPlace.set(`${parsed.stripe} ${parsed.number}`, volume)
  }
  return (stripe, number) => {
    const volume = byPlace.get(`${stripe} ${number}`)
    if (volume === undefined) throw problem('storage-corrupt', `The index asks for volume ${number} of the stripe ${stripe}, which the image does not have`)
    return volume
  }
}

/**
 * What the threads do, each list when all before it are done: the newest image first, for its blocks wait for the file they belong to, which is then
 * written once. Only an image with files that blocks go into, one of `bases`, waits for those after it. `images`: the volumes of each; `parts`: what is needed of them.
 */
export function partsInTurn(images: readonly (readonly StoredVolume[])[], parts: readonly (readonly StripePart[])[], bases: ReadonlySet<number>): Part[][] {
  const turns: Part[][] = []
  for (const [image, volumes] of [...images.entries()].toReversed()) {
    const stored = storedIn(volumes)
    const wanted = (parts[image] ?? []).map((part) => ({ ...part, image, volumes: part.volumes.map((number) => stored(part.stripe, number)) }))
    const turn = turns.at(-1)
    if (turn === undefined || bases.has(image)) turns.push(wanted)
    else turn.push(...wanted)
  }
  return turns
}

/** Gives a thread, counted from 0, its next part; null = nothing is left for it. */
export type NextPart = (thread: number) => Part | null

/**
 * A thread goes through a stripe, then through one that nobody has begun, the longest first; then it helps where most is left. A volume is thus needed by parts
 * that are restored one after another or side by side.
 */
export function dealParts(parts: readonly Part[]): NextPart {
  const byStripe = Map.groupBy(parts, ({ image, stripe }) => `${image} ${stripe}`)
  const queues = [...byStripe.values()].map((own) => ({ left: [...own], bytes: own.reduce((sum, { bytes }) => sum + bytes, 0) })).toSorted((a, b) => b.bytes - a.bytes)
  const unbegun = [...queues]
  const places = new Map<number, (typeof queues)[number]>()
  return (thread) => {
    const place = places.get(thread)
    const queue = place !== undefined && place.left.length > 0 ? place : (unbegun.shift() ?? queues.filter(({ left }) => left.length > 0).toSorted((a, b) => b.bytes - a.bytes)[0])
    const part = queue?.left.shift()
    if (queue === undefined || part === undefined) return null
    queue.bytes -= part.bytes
    places.set(thread, queue)
    return part
  }
}

/** The same parts about as so many threads will begin them. */
export function inExpectedOrder(parts: readonly Part[], threads: number): Part[] {
  const next = dealParts(parts)
  const busy = Array.from({ length: threads }, () => 0)
  const order: Part[] = []
  for (;;) {
    const thread = busy.indexOf(Math.min(...busy))
    const part = next(thread)
    if (part === null) return order
    order.push(part)
    busy[thread] = (busy[thread] ?? 0) + part.bytes
  }
}
