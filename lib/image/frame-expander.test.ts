// One context for many frames gives what a context for each gives, knows damage, and uses its memory as it promises.
import { randomBytes } from 'node:crypto'
import { createZstdDecompress } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { frameExpander } from './frame-expander.ts'
import { compressFrame, FRAME_BYTES } from './frames.ts'

const raws = [Buffer.alloc(FRAME_BYTES, 'pages of a cluster'), Buffer.alloc(0), randomBytes(FRAME_BYTES), Buffer.from('x'), Buffer.alloc(70_000, 7), randomBytes(FRAME_BYTES + 1)]

test('frame after frame is opened as by the public function, those larger than ours too', () => {
  const { expand } = frameExpander()
  for (const raw of [...raws, ...raws]) expect(expand(compressFrame(raw, 3)).equals(raw)).toBe(true)
})

test('a damaged frame is refused, and the next one opened all the same [G1]', () => {
  const { expand } = frameExpander()
  const whole = compressFrame(randomBytes(50_000), 3)
  fc.assert(fc.property(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 0, max: 7 }), fc.boolean(), (at, bit, isCut) => {
    const damaged = isCut ? whole.subarray(0, at) : Buffer.from(whole)
    if (!isCut) damaged[at] = (damaged[at] ?? 0) ^ (1 << bit)
    // One bit of the header decides nothing; all others do.
    let got: Buffer | null = null
    try {
      got = expand(damaged)
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError)
    }
    if (got !== null) expect(Buffer.from(got).equals(expand(whole))).toBe(true)
    expect(expand(compressFrame(Buffer.from('after'), 3)).toString()).toBe('after')
  }), { numRuns: 300 })
})

test('this Node has the context that makes it fast: bytes lie in the same memory until the next call', () => {
  const { expand } = frameExpander()
  expect(createZstdDecompress()).toHaveProperty('_handle.writeSync')
  const first = expand(compressFrame(Buffer.alloc(1000, 1), 3))
  expect(first[0]).toBe(1)
  const second = expand(compressFrame(Buffer.alloc(1000, 2), 3))
  expect([second.buffer === first.buffer, first[0], second[0]]).toEqual([true, 2, 2])
})

test('a frame is opened into the memory that is given for it, and into its own where none is', () => {
  const { expand } = frameExpander()
  const given = Buffer.alloc(1000)
  expect(expand(compressFrame(Buffer.alloc(1000, 3), 3), (bytes) => (bytes === given.length ? given : null))).toBe(given)
  expect(given.every((byte) => byte === 3)).toBe(true)
  const other = expand(compressFrame(Buffer.alloc(1000, 4), 3), () => null)
  expect([other[0], given[0]]).toEqual([4, 3])
})
