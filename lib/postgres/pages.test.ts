// Page checksums and page LSNs against a plain, slow reading of PostgreSQL's definition.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assemble } from '#scripts/wasm.ts'
import { lsn } from './lsn.ts'
import { PAGE_BYTES, pageLsn, pageScanner } from './pages.ts'
import { pagesWasm } from './pages-wasm.ts'

const memory = new WebAssembly.Memory({ initial: 8, maximum: 8, shared: true })
const scanner = pageScanner(memory, 7 * 65536)
const bytes = new Uint8Array(memory.buffer)

const PRIME = 16777619
const BASIS = [
  0x5b1f36e9, 0xb8525960, 0x02ab50aa, 0x1de66d2a, 0x79ff467a, 0x9bb9f8a3, 0x217e7cd2, 0x83e13d2c, 0xf8d4474f, 0xe39eb970, 0x42c6ae16, 0x993216fa, 0x7b093b5d, 0x98daff3c, 0xf718902a, 0x0b1c9cdb,
  0xe58f764b, 0x187636bc, 0x5d7b3bb1, 0xe73de7de, 0x92bec979, 0xcca6c0b2, 0x304a0979, 0x85aa43d4, 0x783125bb, 0x6ca8eaa2, 0xe407eac6, 0x4b5cfc3e, 0x9fbf8c76, 0x15ca20be, 0xf2ca9fd3, 0x959bd756,
]
/** CHECKSUM_COMP of checksum_impl.h. */
const mix = (sum: number, value: number): number => {
  const t = (sum ^ value) >>> 0
  return (Math.imul(t, PRIME) ^ (t >>> 17)) >>> 0
}
function checksumOf(page: Uint8Array, block: number): number {
  const copy = page.slice()
  copy[8] = 0
  copy[9] = 0
  const words = new Uint32Array(copy.buffer)
  const sums = [...BASIS]
  for (const [index, word] of words.entries()) sums[index % 32] = mix(sums[index % 32] ?? 0, word)
  for (let round = 0; round < 2; round += 1) for (let index = 0; index < 32; index += 1) sums[index] = mix(sums[index] ?? 0, 0)
  return (((sums.reduce((all, one) => (all ^ one) >>> 0, 0) ^ block) >>> 0) % 65535) + 1
}

/** A page of pseudo-random content with the given LSN; `upper` 0 makes it a new one. */
function page(seed: number, pageLsnValue: bigint, upper = 8192): Uint8Array {
  const made = new Uint8Array(PAGE_BYTES)
  const view = new DataView(made.buffer)
  let state = seed >>> 0
  for (let at = 24; at < PAGE_BYTES; at += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    view.setUint32(at, state, true)
  }
  view.setUint32(0, Number(pageLsnValue >> 32n), true)
  view.setUint32(4, Number(pageLsnValue & 0xffffffffn), true)
  view.setUint16(14, upper, true)
  return made
}

const put = (pages: readonly Uint8Array[]): void => pages.forEach((one, index) => bytes.set(one, index * PAGE_BYTES))
const signed = (one: Uint8Array, block: number): Uint8Array => {
  new DataView(one.buffer).setUint16(8, checksumOf(one, block), true)
  return one
}

const spec = fc.record({ seed: fc.nat(), at: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), isNew: fc.boolean(), isBad: fc.boolean() })

test('exactly the pages with a wrong checksum are found, and nothing is changed by looking [D16]', () => {
  fc.assert(
    fc.property(fc.array(spec, { maxLength: 20 }), fc.nat({ max: 0xffff0000 }), (specs, first) => {
      const pages = specs.map(({ seed, at, isNew, isBad }, index) => {
        const one = signed(page(seed, at, isNew ? 0 : 8192), first + index)
        if (isBad) one[100 + (seed % 8000)] = (one[100 + (seed % 8000)] ?? 0) ^ (1 << (seed % 8))
        return one
      })
      put(pages)
      expect(scanner.bad(0, pages.length, first)).toEqual(specs.flatMap(({ isNew, isBad }, index) => (isBad && !isNew ? [index] : [])))
      for (const [index, one] of pages.entries()) expect(bytes.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES)).toEqual(one)
    }),
    { numRuns: 40 },
  )
})

test('a right page in the place of another is a wrong page [D16]', () => {
  put([signed(page(1, 5n), 7), signed(page(2, 5n), 7)])
  expect(scanner.bad(0, 2, 7)).toEqual([1])
})

test('pages at or after an LSN are found, and new pages always [E10]', () => {
  fc.assert(
    fc.property(fc.array(spec, { maxLength: 20 }), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (specs, since) => {
      const near = specs.map((one, index) => ({ ...one, at: index % 3 === 0 ? since : index % 3 === 1 && since > 0n ? since - 1n : one.at }))
      put(near.map(({ seed, at, isNew }) => page(seed, at, isNew ? 0 : 8192)))
      expect(scanner.changed(0, near.length, lsn(since))).toEqual(near.flatMap(({ at, isNew }, index) => (isNew || at >= since ? [index] : [])))
      expect(near.map((_, index) => pageLsn(bytes.subarray(index * PAGE_BYTES)))).toEqual(near.map(({ at }) => at))
    }),
    { numRuns: 60 },
  )
})

test('the module is what its text says', async () => {
  expect(await assemble('pages')).toBe(pagesWasm)
})
