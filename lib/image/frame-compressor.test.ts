// One context for many frames gives what a context for each gives, at every level: also the size, by which a lost level would show.
import { randomBytes } from 'node:crypto'
import { createZstdCompress } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { frameCompressor } from './frame-compressor.ts'
import { compressFrame, decompressFrame, FRAME_BYTES } from './frames.ts'

const words = 'select insert update delete table index vacuum analyze commit rollback checkpoint segment timeline replica archive'.split(' ')
const text = Buffer.from(Array.from({ length: 100_000 }, (_, number) => words[(number * number + (number >> 3)) % words.length]).join(' ')).subarray(0, FRAME_BYTES)

test.each([1, 3, 5, 12, 19])('frame after frame is the same as by the public function, at level %i [B6]', (level) => {
  const compress = frameCompressor(level)
  const frames = [text, Buffer.alloc(FRAME_BYTES), text.subarray(0, 1), randomBytes(FRAME_BYTES), text.subarray(0, 70_000), text]
  for (const raw of frames) {
    const stored = compress(raw)
    expect(stored.equals(compressFrame(raw, level))).toBe(true)
    expect(decompressFrame(stored).equals(raw)).toBe(true)
  }
})

test('higher levels give smaller frames, also after the first [B6]', () => {
  const sizes = [1, 3, 12, 19].map((level) => {
    const compress = frameCompressor(level)
    compress(text)
    return compress(text).length
  })
  expect(sizes).toEqual(sizes.toSorted((a, b) => b - a))
  expect(new Set(sizes).size).toBe(sizes.length)
})

test('what is given to write into is written into, shared memory too', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
    const raw = Buffer.from(new SharedArrayBuffer(bytes.length)).fill(Buffer.from(bytes))
    const into = Buffer.from(new SharedArrayBuffer(FRAME_BYTES + 8192))
    const stored = frameCompressor(3)(raw, into)
    expect(stored.buffer).toBe(into.buffer)
    expect(decompressFrame(Buffer.from(stored)).equals(Buffer.from(bytes))).toBe(true)
  }), { numRuns: 20 })
})

test('this Node has the context that makes it fast', () => {
  expect(createZstdCompress()).toHaveProperty('_handle.writeSync')
  expect(createZstdCompress()).toHaveProperty('_writeState')
})
