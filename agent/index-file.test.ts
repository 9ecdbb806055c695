// Ranges of entries out of an index that is gone through once.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { IndexEntry } from '#lib/image/index.ts'
import { stripesOfIndexes } from './index-file.ts'

const entry = (stripe: string, number: number): IndexEntry => ({ stripe, path: String(number), type: 'file', mode: 0o600, uid: 0, gid: 0, user: '', group: '', mtime: 0, size: 0, pieces: [] })
const namesOf = (entries: Iterable<IndexEntry>): string[] => [...entries].map(({ stripe, path }) => `${stripe} ${path}`)

test('whatever ranges of whatever stripes are asked for, they hold what a slice holds', () => {
  const range = fc.record({ stripe: fc.constantFrom('data-1', 'data-2'), begin: fc.nat(12), count: fc.nat(6) })
  fc.assert(fc.property(fc.array(range, { maxLength: 12 }), fc.nat(12), (ranges, length) => {
    const entries = ['data-1', 'data-2'].flatMap((stripe) => Array.from({ length }, (_, number) => entry(stripe, number)))
    const ofStripe = (wanted: string | undefined): IndexEntry[] => entries.filter(({ stripe }) => stripe === wanted)
    const stripes = stripesOfIndexes((_path, { stripe } = {}) => ofStripe(stripe))
    for (const { stripe, begin, count } of ranges) {
      expect(namesOf(stripes.entries({ index: 'index', stripe, begin, end: begin + count }))).toEqual(namesOf(ofStripe(stripe).slice(begin, begin + count)))
    }
  }))
})

test('ranges that follow each other go through the index once', () => {
  let read = 0
  const stripes = stripesOfIndexes(function* (_path, { stripe } = {}) {
    read += 1
    for (let number = 0; number < 10; number += 1) yield entry(stripe ?? '', number)
  })
  for (let begin = 0; begin < 10; begin += 3) expect(namesOf(stripes.entries({ index: 'index', stripe: 'data-1', begin, end: begin + 2 }))).toHaveLength(begin === 9 ? 1 : 2)
  expect(read).toBe(1)
})
