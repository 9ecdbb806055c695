import { expect, test } from 'vitest'
import { paletteScore } from './command-palette.tsx'

test('the beginning of a name wins over a word in it, and that over the text around it', () => {
  const begins = paletteScore('Restore ▸ What', 'Choose the source', 'rest')
  const word = paletteScore('Express restore', '', 'rest')
  const inside = paletteScore('interest', '', 'rest')
  const beside = paletteScore('Audit', 'What was restored', 'rest')
  expect([begins, word, inside, beside]).toEqual([1, 0.9, 0.6, 0.3])
})
test('every typed word must be found somewhere', () => {
  expect(paletteScore('shop-db', 'source of nightly', 'shop night')).toBeGreaterThan(0)
  expect(paletteScore('shop-db', 'source of nightly', 'shop weekly')).toBe(0)
})
test('letters that only occur in order are not a match', () => expect(paletteScore('Monitor', '', 'mtr')).toBe(0))
