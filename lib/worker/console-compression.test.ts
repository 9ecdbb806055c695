// Compression on the console: every byte that the index of raw volumes found is found again in the compressed ones.
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decompressAll, decompressFrame } from '#lib/image/frames.ts'
import { indexHead, indexWriter, parseIndex, type IndexEntry } from '#lib/image/index.ts'
import { compressed, framesIn, movedIndex, movedPiece, type FrameAt } from './console-compression.ts'

const FRAME = 1000
async function packed(raw: Buffer, cut: number): Promise<{ stored: Buffer; frames: FrameAt[] }> {
  const frames: FrameAt[] = []
  const chunks = Array.from({ length: Math.ceil(raw.length / cut) }, (_, index) => raw.subarray(index * cut, (index + 1) * cut))
  const parts: Buffer[] = []
  for await (const part of compressed(Readable.from(chunks), 3, frame => void frames.push(frame), FRAME)) parts.push(part)
  return { stored: Buffer.concat(parts), frames }
}

test('frames in order give back every byte, whatever the chunks were, and are found again by walking [B6]', async () => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 6000 }), fc.integer({ min: 1, max: 2500 }), async (bytes, cut) => {
    const { stored, frames } = await packed(Buffer.from(bytes), cut)
    expect(decompressAll(stored).equals(Buffer.from(bytes))).toBe(true)
    expect(framesIn(stored)).toEqual(frames)
  }), { numRuns: 60 })
})

test('a piece of a raw volume is read from the frames it was put into [B6]', async () => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 2, maxLength: 6000 }), fc.nat(), fc.nat(), async (bytes, a, b) => {
    const raw = Buffer.from(bytes)
    const { stored, frames } = await packed(raw, 777)
    const offset = a % (raw.length - 1)
    const size = 1 + (b % (raw.length - offset))
    const pieces = movedPiece({ volume: 1, offset, length: size, skip: 0, size }, frames)
    const read = Buffer.concat(pieces.map(piece => decompressFrame(stored.subarray(piece.offset, piece.offset + piece.length)).subarray(piece.skip, piece.skip + piece.size)))
    expect(read.equals(raw.subarray(offset, offset + size))).toBe(true)
  }), { numRuns: 80 })
})

test('an index that leads out of its volumes is refused [B6] [D12]', async () => {
  const entry: IndexEntry = { stripe: 'data-1', path: 'base/1/2', type: 'file', mode: 0o600, uid: 0, gid: 0, user: '', group: '', mtime: 0, size: 1500, sha256: '0'.repeat(64), pieces: [{ volume: 1, offset: 600, length: 1500, skip: 0, size: 1500 }] }
  const index = (pieces: IndexEntry['pieces']): Buffer => {
    const parts = [indexHead()]
    const writer = indexWriter(frame => void parts.push(frame))
    writer.add({ ...entry, pieces })
    writer.end()
    return Buffer.concat(parts)
  }
  const { frames } = await packed(Buffer.alloc(2100, 7), 100)
  const volumes = new Map([['data-1.000001.tar', frames]])
  expect(parseIndex(movedIndex(index(entry.pieces), volumes))[0]?.pieces.map(({ skip, size }) => [skip, size])).toEqual([[600, 400], [0, 1000], [0, 100]])
  expect(() => movedIndex(index([{ volume: 1, offset: 600, length: 1501, skip: 0, size: 1501 }]), volumes)).toThrow(/ends before the file/)
  expect(() => movedIndex(index([{ volume: 2, offset: 0, length: 10, skip: 0, size: 10 }]), volumes)).toThrow(/was not sent/)
})
