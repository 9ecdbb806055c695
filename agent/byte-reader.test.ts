// Whatever pieces the bytes arrive in, each turn gets exactly its own.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { byteReader } from './byte-reader.ts'

async function* cut(bytes: Buffer, at: readonly number[]): AsyncGenerator<Buffer> {
  const places = [...new Set([0, ...at.map((one) => one % (bytes.length + 1)), bytes.length])].toSorted((a, b) => a - b)
  for (const [index, begin] of places.entries()) if (index + 1 < places.length) yield bytes.subarray(begin, places[index + 1])
}
const all = async (generator: AsyncGenerator<Buffer>): Promise<string> => {
  const pieces: Buffer[] = []
  for await (const piece of generator) pieces.push(piece)
  return Buffer.concat(pieces).toString('latin1')
}

type Turn = { kind: 'line'; text: string } | { kind: 'number'; value: number } | { kind: 'bytes'; text: string }
const turn: fc.Arbitrary<Turn> = fc.oneof(
  fc.record({ kind: fc.constant('line' as const), text: fc.string({ unit: fc.constantFrom('a', '{', '"', 'é') }) }),
  fc.record({ kind: fc.constant('number' as const), value: fc.nat({ max: 0xff_ff_ff_ff }) }),
  fc.record({ kind: fc.constant('bytes' as const), text: fc.string({ unit: fc.constantFrom('\n', 'x', '\0') }) }),
)
function encoded(one: Turn): Buffer {
  if (one.kind === 'number') {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(one.value)
    return bytes
  }
  return Buffer.from(one.kind === 'line' ? `${one.text}\n` : one.text)
}

test('turns come out as they went in, however they are cut', async () => {
  await fc.assert(fc.asyncProperty(fc.array(turn, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 20 }), async (turns, at) => {
    const read = byteReader(cut(Buffer.concat(turns.map(encoded)), at))
    for (const one of turns) {
      if (one.kind === 'line') expect(await read.line()).toBe(one.text)
      else if (one.kind === 'number') expect(await read.number()).toBe(one.value)
      else expect(await all(read.bytes(one.text.length))).toBe(one.text)
    }
    expect([await read.line(), await read.number(), await all(read.bytes(5))]).toEqual([null, null, ''])
  }))
})

test('a line that never ends is none', async () => {
  expect(await byteReader(cut(Buffer.alloc(1 << 20, 'x'), [1 << 18, 1 << 19])).line()).toBeNull()
})
