// Direct writes of pieces whose memory is used again, as frames of a restore are: whatever mixture comes, the file holds what was given.
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { alignedBuffer } from '#lib/image/frame-expander.ts'
import { directWriter, isForDirect, ON_THE_WAY, takesDirect } from './direct-writer.ts'

const PLACE_BYTES = 512 * 1024
const folder = mkdtempSync(join(tmpdir(), 'howdah-direct-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Pieces in a ring of as many places as the writer is promised; `skip` bytes of each place go before a piece. */
function* ring(memory: Buffer, pieces: readonly { size: number; skip: number }[], wanted: Buffer[]): Generator<Buffer> {
  for (const [number, { size, skip }] of pieces.entries()) {
    const at = (number % (ON_THE_WAY + 1)) * PLACE_BYTES + skip
    const piece = memory.subarray(at, at + size).fill(number + 1)
    wanted.push(Buffer.from(piece))
    yield piece
  }
}

const whole = { size: PLACE_BYTES, skip: 0 }
const odd = { size: PLACE_BYTES - 4096, skip: 100 }

test.skipIf(!takesDirect(folder)).each([
  { title: 'whole frames', pieces: Array.from({ length: 9 }, () => whole) },
  { title: 'frames that begin in the middle after whole ones', pieces: [whole, whole, odd, odd, odd, whole, whole] },
  { title: 'turn and turn about', pieces: [odd, whole, odd, whole, whole, odd, odd, whole] },
  { title: 'small pieces', pieces: Array.from({ length: 50 }, (_, number) => ({ size: 4096 * (1 + (number % 5)), skip: number % 2 === 0 ? 0 : 512 })) },
])('$title: the file holds them all, though their memory is used again', async ({ pieces }) => {
  const memory = alignedBuffer((ON_THE_WAY + 1) * PLACE_BYTES)
  const writer = directWriter((piece) => piece.buffer === memory.buffer)
  for (let round = 0; round < 5; round += 1) {
    const path = join(folder, `${round}-${Math.random()}`)
    const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_DIRECT, 0o600)
    const wanted: Buffer[] = []
    let told = 0
    await writer.write(fd, ring(memory, pieces, wanted), (bytes) => (told += bytes))
    closeSync(fd)
    const all = Buffer.concat(wanted)
    expect(readFileSync(path).equals(all)).toBe(true)
    expect(told).toBe(all.length)
  }
})

test('only files of whole pages are written around the cache', () => {
  expect([8192, 256 * 1024, 256 * 1024 + 1, 1 << 30].map(isForDirect)).toEqual([false, true, false, true])
})

test('pieces that fail are heard, and nothing is on its way any more', async () => {
  const memory = alignedBuffer(PLACE_BYTES)
  const writer = directWriter((piece) => piece.buffer === memory.buffer)
  const fd = openSync(join(folder, 'failing'), 'wx')
  function* failing(): Generator<Buffer> {
    yield memory
    throw new RangeError('damaged')
  }
  await expect(writer.write(fd, failing(), () => {})).rejects.toThrow('damaged')
  closeSync(fd)
})
