// Lines of the protocol, cut anywhere and damaged: every line comes once and as it was sent, and what is no line ends early.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RunEvent } from '#lib/domain/event.ts'
import { lineDecoder } from './lines.ts'
import { BulkHeader, BulkRequest } from './bulk.ts'
import { Request, Response } from './methods.ts'

test('lines come back as they were sent, whatever pieces they come in', () => {
  const line = fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => text.replaceAll('\n', ' '))
  fc.assert(fc.property(fc.array(line), fc.array(fc.integer({ min: 1, max: 30 })), (lines, cuts) => {
    const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''))
    const decode = lineDecoder()
    const found: string[] = []
    let at = 0
    for (const cut of [...cuts, bytes.length]) {
      const piece = Buffer.from(bytes.subarray(at, at + cut))
      found.push(...decode(piece))
      piece.fill(0xee) // the reader of a connection uses its memory again
      at += cut
    }
    expect(found).toEqual(lines.map((text) => Buffer.from(text).toString()))
  }), { numRuns: 500 })
})

test('a line without end is given up at its limit, and a long one costs no more than its length', () => {
  const endless = lineDecoder(1000)
  expect(() => {
    for (let n = 0; n < 100; n += 1) expect([...endless(Buffer.alloc(64, 'x'))]).toEqual([])
  }).toThrow('line exceeds 1000 bytes')
  expect(() => [...lineDecoder(10)(Buffer.from('twelve bytes\n'))]).toThrow('line exceeds 10 bytes')
  const decode = lineDecoder()
  const begin = performance.now()
  for (let n = 0; n < 4_000; n += 1) expect([...decode(Buffer.alloc(8 * 1024, 'x'))]).toEqual([])
  expect([...decode(Buffer.from('\n'))].map(({ length }) => length)).toEqual([4_000 * 8 * 1024])
  expect(performance.now() - begin).toBeLessThan(2_000)
})

const samples: readonly { schema: { safeParse(value: unknown): { success: boolean; data?: unknown } }; text: string }[] = [
  { schema: Request, text: '{"id":7,"method":"run.events","params":{"runId":"7b6f2a0e-3c55-4bb4-9f0f-3f3a6c1f6a10","after":0,"waitMs":5000}}' },
  { schema: Response, text: '{"id":7,"problem":{"code":"wal-gap","message":"WAL segment 000000010000000000000002 is missing","hint":"Run a full backup."}}' },
  { schema: BulkRequest, text: '{"op":"get","runId":"7b6f2a0e-3c55-4bb4-9f0f-3f3a6c1f6a10","name":"data-1.000001.tar.zst","offset":100}' },
  { schema: BulkHeader, text: `{"sizeBytes":100,"offset":0,"sha256":"${'a'.repeat(64)}"}` },
  { schema: RunEvent, text: `{"seq":4,"at":"2026-01-02T03:04:05.000Z","body":{"kind":"volume","name":"data-1.000001.tar.zst","sizeBytes":100,"sha256":"${'a'.repeat(64)}","rawBytes":1000}}` },
]

test.each(samples)('a damaged line is no JSON, refused by its schema, or means what it says: $text', ({ schema, text }) => {
  fc.assert(fc.property(fc.array(fc.record({ at: fc.nat({ max: text.length }), kind: fc.constantFrom('put', 'cut', 'drop'), by: fc.constantFrom('"', '{', '}', '0', '-', '.', 'e', ',', '\\', '\u0000', '../', '[', '9'.repeat(30), 'null') }), { minLength: 1, maxLength: 4 }), (damage) => {
    const damaged = damage.reduce((now, { at, kind, by }) => (kind === 'put' ? now.slice(0, at) + by + now.slice(at) : kind === 'cut' ? now.slice(0, at) : now.slice(0, at) + now.slice(at + by.length)), text)
    let value: unknown
    try {
      value = JSON.parse(damaged)
    } catch (error) {
      expect(error).toBeInstanceOf(SyntaxError)
      return
    }
    const read = schema.safeParse(value)
    if (!read.success) return
    // Nothing that leads out of a run, and no number that is none, gets in.
    expect(JSON.stringify(read.data)).not.toMatch(/"name":"([^"]*\/)?\.\.\/|"(offset|sizeBytes|rawBytes|seq|after)":-|"(offset|sizeBytes|rawBytes|seq|after)":\d*(\.|e)\d/)
  }), { numRuns: 2000 })
  expect(schema.safeParse(JSON.parse(text)).success).toBe(true)
})
