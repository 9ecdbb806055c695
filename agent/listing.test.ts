// A packed listing gives back what was listed, in order and by size; dealing gives each entry to one writer.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deal } from './deal.ts'
import { listing, type Pack, packer } from './listing.ts'
import type { WalkedEntry } from './walk.ts'

const entry = fc.record({ name: fc.string({ minLength: 1, unit: 'grapheme' }), isDirectory: fc.boolean(), isOdd: fc.boolean(), size: fc.nat(6_000_000), rest: fc.option(fc.string(), { nil: undefined }) }).map(({ name, isDirectory, isOdd, size, rest }): WalkedEntry => ({
  path: name, type: isDirectory ? 'dir' : 'file', size: isDirectory ? 0 : size, ...(isOdd ? { bytes: Buffer.from([0xff, 0xfe, size & 255]) } : {}), ...(rest === undefined ? {} : { rest, isInBase: true }),
}))

function listed(entries: readonly WalkedEntry[]): ReturnType<typeof listing> {
  const packs: Pack[] = []
  const into = packer((pack) => packs.push(pack))
  for (const one of entries) into.add(one)
  into.end()
  return listing(packs)
}

test('what was listed comes back: all of it, directories, and files with the largest first', () => {
  fc.assert(fc.property(fc.array(entry, { maxLength: 60 }), fc.integer({ min: 1, max: 40 }), (some, times) => {
    const entries = Array.from({ length: times }, () => some).flat() // also more than one pack
    const it = listed(entries)
    expect([...it.entries()]).toEqual(entries)
    expect(it.directories()).toEqual(entries.filter(({ type }) => type === 'dir'))
    const sizes = Array.from(it.filesBySize(), it.sizeOf)
    expect(sizes).toEqual(entries.filter(({ type }) => type === 'file').map(({ size }) => size).toSorted((a, b) => b - a))
    expect(Array.from(it.filesBySize(), it.entry).map(({ size }) => size)).toEqual(sizes)
  }), { numRuns: 40 })
})

test('every entry is dealt once, directories to the first writer, and none that is not wanted', () => {
  fc.assert(fc.property(fc.array(entry, { maxLength: 80 }), fc.integer({ min: 1, max: 4 }), (some, writers) => {
    const entries = some.map((one, number) => ({ ...one, path: `${number}` }))
    const isWanted = ({ path }: WalkedEntry): boolean => Number(path) % 7 !== 0
    const dealt = deal(listed(entries), (one) => (isWanted(one) ? one : null))
    const got: WalkedEntry[] = []
    for (let idle = 0, number = 0; idle < writers; number = (number + 1) % writers) {
      const next = dealt.next(number)
      if (number !== 0) expect(next.filter(({ type }) => type === 'dir')).toEqual([])
      got.push(...next)
      idle = next.length === 0 ? idle + 1 : 0
    }
    expect(got.map(({ path }) => Number(path)).toSorted((a, b) => a - b)).toEqual(entries.filter(isWanted).map(({ path }) => Number(path)))
  }), { numRuns: 100 })
})
