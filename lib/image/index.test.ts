// What an index may hold: entries are checked by hand, and let pass exactly what a schema of the same format does.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { entryOf, type IndexEntry, indexReader } from './index.ts'
import { compressFrame } from './frames.ts'

const Count = z.int().nonnegative()
const Entry = z.looseObject({
  stripe: z.string(), path: z.string().optional(), pathBase64: z.base64().optional(), type: z.enum(['file', 'dir', 'symlink']), mode: z.int(), uid: z.int(), gid: z.int(), user: z.string(), group: z.string(), mtime: z.int(), size: Count,
  sha256: z.string().regex(/^[0-9a-f]{64}$/).optional(), prints: z.base64().optional(), link: z.string().optional(), identity: z.string().optional(), rest: z.string().optional(),
  pieces: z.array(z.looseObject({ volume: z.int().positive(), offset: Count, length: z.int().positive(), skip: Count, size: z.int().positive() })),
}) satisfies z.ZodType<IndexEntry>

const entry: Record<string, unknown> = {
  stripe: 'data-1', path: 'base/5/1259', type: 'file', mode: 0o600, uid: 1, gid: 1, user: 'postgres', group: 'postgres', mtime: 1_700_000_000, size: 8192,
  sha256: 'a'.repeat(64), prints: 'aa==', link: 'x', identity: 'i', rest: 'r', pieces: [{ volume: 1, offset: 0, length: 10, skip: 0, size: 8192 }],
}
const value = fc.oneof(fc.constantFrom<unknown>(undefined, null, '', 'file', 'dir', -1, 0, 1, 1.5, 2 ** 60, true, [], {}, [{}], 'b'.repeat(64), 'B'.repeat(64), 'aa==', 'aaa', 'aa ='), fc.string(), fc.integer(), fc.double())

test('an entry passes exactly where the schema lets it pass', () => {
  fc.assert(fc.property(fc.constantFrom(...Object.keys(entry), 'pathBase64', 'other', '__proto__'), value, fc.constantFrom('set', 'drop', 'piece'), fc.constantFrom('volume', 'offset', 'length', 'skip', 'size', 'other'), (name, field, how, ofPiece) => {
    const { [name]: _, ...rest } = entry
    const changed = how === 'drop' ? rest : how === 'set' ? { ...entry, ...Object.fromEntries([[name, field]]) } : { ...entry, pieces: [{ volume: 1, offset: 0, length: 1, skip: 0, size: 1, [ofPiece]: field }] }
    if (Entry.safeParse(changed).success) expect(entryOf(changed)).toBe(changed)
    else expect(() => entryOf(changed)).toThrow(RangeError)
  }), { numRuns: 3000 })
})

test.each([
  { title: 'a field of another type', line: { ...entry, mode: 'x' }, wanted: 'mode' },
  { title: 'a field that is missing', line: { ...entry, stripe: 'data-1', size: undefined }, wanted: 'size' },
  { title: 'a piece that begins before its frame', line: { ...entry, pieces: [{ volume: 1, offset: -1, length: 1, skip: 0, size: 1 }] }, wanted: 'pieces' },
])('$title is named, with the byte of its frame', ({ line, wanted }) => {
  const reader = indexReader({ hasHead: false })
  expect(() => [...reader.push(compressFrame(Buffer.from(`${JSON.stringify(line)}\n`), 3))]).toThrow(new RegExp(`frame at byte 0: .*${wanted}`))
})

test.each([{ howdahIndex: 2 }, {}, null, 'x'])('an index that begins with %j is none of ours', (head) => {
  const reader = indexReader()
  expect(() => [...reader.push(compressFrame(Buffer.from(`${JSON.stringify(head)}\n`), 3))]).toThrow(/byte 0: Its header says format/)
})
