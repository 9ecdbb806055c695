// What a walk lists, packed: a cluster of a million files must not cost the memory of as many objects in two threads.
import type { WalkedEntry } from './walk.ts'

const PACK_ENTRIES = 1000

/** Some entries as JSON lines, and where each ends. `sizes` of directories are -1. */
export interface Pack {
  text: Uint8Array<ArrayBuffer>
  ends: Uint32Array<ArrayBuffer>
  sizes: Float64Array<ArrayBuffer>
}

const packed = ({ bytes, ...entry }: WalkedEntry): string => JSON.stringify(bytes === undefined ? entry : { ...entry, bytes: Buffer.from(bytes).toString('base64') })

function unpacked(text: string): WalkedEntry {
  const { bytes, ...entry } = JSON.parse(text) as WalkedEntry & { bytes?: unknown } // written by packed()
  return typeof bytes === 'string' ? { ...entry, bytes: Buffer.from(bytes, 'base64') } : entry
}

/** Takes entries one by one and gives them on in packs; `end` gives the last one. */
export function packer(give: (pack: Pack) => void): { add: (entry: WalkedEntry) => void; end: () => void } {
  let [lines, sizes]: [string[], number[]] = [[], []]
  const end = (): void => {
    if (lines.length === 0) return
    const buffers = lines.map((line) => Buffer.from(line))
    const ends = new Uint32Array(lines.length)
    buffers.reduce((at, { length }, index) => (ends[index] = at + length), 0)
    give({ text: new Uint8Array(Buffer.concat(buffers)), ends, sizes: new Float64Array(sizes) })
    ;[lines, sizes] = [[], []]
  }
  return {
    add(entry) {
      lines.push(packed(entry))
      sizes.push(entry.type === 'dir' ? -1 : entry.size)
      if (lines.length === PACK_ENTRIES) end()
    },
    end,
  }
}

export interface Listing {
  /** All entries in the order of the walk. */
  entries: () => Generator<WalkedEntry>
  directories: () => WalkedEntry[]
  /** Numbers of the files, the largest first. */
  filesBySize: () => Uint32Array
  sizeOf: (number: number) => number
  entry: (number: number) => WalkedEntry
}

/** Packs in the order they were given. */
export function listing(packs: readonly Pack[]): Listing {
  const sizeOf = (number: number): number => packs[Math.floor(number / PACK_ENTRIES)]?.sizes[number % PACK_ENTRIES] ?? 0
  const entry = (number: number): WalkedEntry => {
    const pack = packs[Math.floor(number / PACK_ENTRIES)]
    const index = number % PACK_ENTRIES
    if (pack === undefined || index >= pack.ends.length) throw new Error(`The listing has no entry ${number}.`)
    return unpacked(Buffer.from(pack.text.buffer).toString('utf8', index === 0 ? 0 : pack.ends[index - 1], pack.ends[index]))
  }
  const count = packs.reduce((total, { ends }) => total + ends.length, 0)
  const numbers = (isWanted: (size: number) => boolean): Uint32Array => Uint32Array.from({ length: count }, (_, number) => number).filter((number) => isWanted(sizeOf(number)))
  return {
    *entries() {
      for (let number = 0; number < count; number += 1) yield entry(number)
    },
    directories: () => Array.from(numbers((size) => size === -1), entry),
    filesBySize: () => numbers((size) => size !== -1).toSorted((a, b) => sizeOf(b) - sizeOf(a)),
    sizeOf,
    entry,
  }
}
