// Prints tell a file's content from any other, in whatever pieces it comes.
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { printsMaker, printsProver, SPAN_BYTES } from './prints.ts'

const source = randomBytes(3 * SPAN_BYTES + 100)
const length = fc.oneof(fc.constantFrom(0, 1, 15, 16, 17, SPAN_BYTES - 1, SPAN_BYTES, SPAN_BYTES + 1, 2 * SPAN_BYTES, 3 * SPAN_BYTES + 1), fc.nat({ max: source.length }))
const cuts = fc.array(fc.oneof(fc.constantFrom(1, 16, SPAN_BYTES), fc.integer({ min: 1, max: 2 * SPAN_BYTES })), { minLength: 1, maxLength: 6 })

function* inPieces(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1
    // Single bytes now and then, not a million of them.
    const take = turn < 20 ? size : Math.max(size, SPAN_BYTES)
    yield bytes.subarray(at, at + take)
    at += take
  }
}
const printsOf = (bytes: Buffer, sizes = [bytes.length + 1]): string => {
  const maker = printsMaker()
  for (const piece of inPieces(bytes, sizes)) maker.add(piece)
  return maker.end()
}
const isSame = (prints: string, size: number, bytes: Buffer, sizes = [bytes.length + 1]): boolean => {
  const prover = printsProver(prints, size)
  for (const piece of inPieces(bytes, sizes)) prover.add(piece)
  prover.end()
  return prover.isSame
}

test('content is what its prints were made of, however either came in pieces [D12]', () => {
  fc.assert(fc.property(length, cuts, cuts, (bytes, made, read) => {
    const content = source.subarray(0, bytes)
    expect(isSame(printsOf(content, made), bytes, content, read)).toBe(true)
  }), { numRuns: 60 })
})

test('one flipped bit, one byte less or more, or two spans in each other\'s place are found [D12]', () => {
  fc.assert(fc.property(length.filter((bytes) => bytes > 0), fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), fc.nat({ max: 7 }), cuts, (bytes, where, bit, read) => {
    const content = source.subarray(0, bytes)
    const prints = printsOf(content)
    const flipped = Buffer.from(content)
    const at = Math.floor(where * bytes)
    flipped[at] = (flipped[at] ?? 0) ^ (1 << bit)
    expect(isSame(prints, bytes, flipped, read)).toBe(false)
    expect(isSame(prints, bytes, content.subarray(0, -1), read)).toBe(false)
    expect(isSame(prints, bytes, source.subarray(0, bytes + 1), read)).toBe(bytes === source.length)
    if (bytes < 2 * SPAN_BYTES) return
    const swapped = Buffer.concat([content.subarray(SPAN_BYTES, 2 * SPAN_BYTES), content.subarray(0, SPAN_BYTES), content.subarray(2 * SPAN_BYTES)])
    expect(isSame(prints, bytes, swapped, read)).toBe(false)
  }), { numRuns: 60 })
})

test('what differs is known as soon as its span has come [D12]', () => {
  const prover = printsProver(printsOf(source), source.length)
  prover.add(source.subarray(0, SPAN_BYTES))
  expect(prover.isSame).toBe(true)
  prover.add(Buffer.alloc(SPAN_BYTES))
  expect(prover.isSame).toBe(false)
})

test('prints of another size, or none, are never those of what comes [D12]', () => {
  const prints = printsOf(source.subarray(0, SPAN_BYTES + 1))
  expect(isSame(prints, SPAN_BYTES + 1, source.subarray(0, SPAN_BYTES + 1))).toBe(true)
  const bytes = Buffer.from(prints, 'base64')
  for (const other of ['', 'AAAA', bytes.subarray(0, -12).toString('base64'), Buffer.concat([bytes, bytes.subarray(-12)]).toString('base64')]) expect(isSame(other, SPAN_BYTES + 1, source.subarray(0, SPAN_BYTES + 1)), other.slice(0, 8)).toBe(false)
  expect(isSame(prints, SPAN_BYTES, source.subarray(0, SPAN_BYTES))).toBe(false)
})

test('two files of one content have other prints: no content can be made to look like another one beforehand', () => {
  expect(printsOf(source)).not.toBe(printsOf(source))
})

test('spans of one content in one file have different prints: no nonce is used twice', () => {
  const made = Buffer.from(printsOf(Buffer.alloc(2 * SPAN_BYTES)), 'base64')
  expect(made.subarray(-12).equals(made.subarray(-24, -12))).toBe(false)
})
