// How stripes are cut into parts, and in what order the parts of a chain are restored.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cutter, dealParts, inExpectedOrder, type Part, partsInTurn } from './restore-parts.ts'

const volume = (stripe: string, number: number) => ({ name: `${stripe}.00000${number}.tar.zst`, sizeBytes: 10, rawBytes: 20, sha256: 'a'.repeat(64) })

const PART_BYTES = 100_000

test('parts follow each other, hold whatever is wanted, name exactly its volumes, and are no longer than one file more than they should be', () => {
  const file = fc.record({ stripe: fc.constantFrom('data-1', 'data-2'), bytes: fc.option(fc.nat(200_000)), spans: fc.nat(2) })
  fc.assert(fc.property(fc.array(file, { maxLength: 60 }), (files) => {
    const cut = cutter(PART_BYTES)
    const counts = new Map<string, number>()
    const lastVolumes = new Map<string, number>()
    const listed = files.map(({ stripe, bytes, spans }) => {
      const at = counts.get(stripe) ?? 0
      counts.set(stripe, at + 1)
      const first = lastVolumes.get(stripe) ?? 1
      lastVolumes.set(stripe, first + spans)
      const volumes = bytes === 0 ? [] : Array.from({ length: spans + 1 }, (_, index) => first + index)
      cut.next(stripe, bytes === null ? null : { bytes, volumes })
      return { stripe, at, bytes, volumes }
    })
    const parts = cut.parts()
    for (const stripe of counts.keys()) {
      const own = parts.filter((part) => part.stripe === stripe)
      for (const [index, { begin, end, volumes, bytes: cost }] of own.entries()) {
        expect(begin).toBeLessThan(end)
        expect(begin).toBeGreaterThanOrEqual(own[index - 1]?.end ?? 0)
        const inside = listed.filter((one) => one.stripe === stripe && one.at >= begin && one.at < end && one.bytes !== null)
        expect(volumes).toEqual([...new Set(inside.flatMap((one) => one.volumes))])
        const bytes = inside.map((one) => one.bytes ?? 0)
        expect(bytes.slice(0, -1).reduce((sum, one) => sum + one, 0)).toBeLessThan(PART_BYTES)
        expect(cost).toBeGreaterThanOrEqual(bytes.reduce((sum, one) => sum + one, 0))
      }
      const held = own.flatMap(({ begin, end }) => Array.from({ length: end - begin }, (_, index) => begin + index))
      expect(held).toEqual(expect.arrayContaining(listed.filter((one) => one.stripe === stripe && one.bytes !== null).map(({ at }) => at)))
    }
  }))
})

test('an image whose files blocks go into waits for those after it, and others do not; what nothing is wanted of is not read [E10]', () => {
  const images = Array.from({ length: 3 }, () => ['data-1', 'data-2'].flatMap((stripe) => [volume(stripe, 1), volume(stripe, 2)]))
  const parts = [
    [{ stripe: 'data-1', begin: 3, end: 4, volumes: [2], bytes: 1 }, { stripe: 'data-2', begin: 0, end: 1, volumes: [], bytes: 1 }],
    [{ stripe: 'data-1', begin: 0, end: 9, volumes: [1, 2], bytes: 1 }],
    [{ stripe: 'data-1', begin: 0, end: 5, volumes: [1], bytes: 1 }, { stripe: 'data-2', begin: 0, end: 5, volumes: [1, 2], bytes: 1 }],
  ]
  const words = (bases: number[]) => partsInTurn(images, parts, new Set(bases)).map((turn) => turn.map(({ image, volumes }) => `${image}: ${volumes.map(({ name }) => name.slice(0, 13)).join(' ')}`))
  expect(words([0])).toEqual([['2: data-1.000001', '2: data-2.000001 data-2.000002', '1: data-1.000001 data-1.000002'], ['0: data-1.000002', '0: ']])
  expect(words([0, 1])).toEqual([['2: data-1.000001', '2: data-2.000001 data-2.000002'], ['1: data-1.000001 data-1.000002'], ['0: data-1.000002', '0: ']])
})

test('a volume that the index names and the image does not have is said', () => {
  expect(() => partsInTurn([[volume('data-1', 1)]], [[{ stripe: 'data-1', begin: 0, end: 1, volumes: [1, 2], bytes: 1 }]], new Set())).toThrow('The index asks for volume 2 of the stripe data-1')
})

const part = (stripe: string, begin: number, bytes: number): Part => ({ image: 0, stripe, begin, end: begin + 1, volumes: [], bytes })

test('a thread goes through a stripe, then one that nobody has begun, the longest first, then it helps where most is left', () => {
  const parts = [...[10, 10].map((bytes, at) => part('short', at, bytes)), ...[50, 5, 5].map((bytes, at) => part('long', at, bytes)), ...[20, 20, 20].map((bytes, at) => part('middle', at, bytes))]
  const next = dealParts(parts)
  const words = (thread: number): string | null => {
    const dealt = next(thread)
    return dealt === null ? null : `${dealt.stripe} ${dealt.begin}`
  }
  expect([words(0), words(1), words(1), words(1), words(1), words(1), words(1), words(1), words(0)]).toEqual(['long 0', 'middle 0', 'middle 1', 'middle 2', 'short 0', 'short 1', 'long 1', 'long 2', null])
})

test('every part is dealt once, those of a stripe in their order, whoever asks; and the order that is expected holds the same', () => {
  const stripe = fc.array(fc.nat(100), { maxLength: 8 })
  fc.assert(fc.property(fc.array(stripe, { maxLength: 5 }), fc.integer({ min: 1, max: 4 }), fc.infiniteStream(fc.nat(3)), (stripes, threads, asking) => {
    const parts = stripes.flatMap((bytes, number) => bytes.map((one, at) => part(`data-${number + 1}`, at, one)))
    const next = dealParts(parts)
    const dealt: Part[] = []
    for (const thread of asking) {
      const one = next(thread % threads)
      if (one === null) break
      dealt.push(one)
    }
    for (const order of [dealt, inExpectedOrder(parts, threads)]) {
      expect(order).toHaveLength(parts.length)
      for (const [number, bytes] of stripes.entries()) expect(order.filter((one) => one.stripe === `data-${number + 1}`).map(({ begin }) => begin)).toEqual(bytes.map((_, at) => at))
    }
  }))
})
