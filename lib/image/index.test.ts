// What an index may hold, told by the short way and by the schema alike.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { entryOf, IndexEntry } from './index.ts'

const entry: Record<string, unknown> = {
  stripe: 'data-1', path: 'base/5/1259', type: 'file', mode: 0o600, uid: 1, gid: 1, user: 'postgres', group: 'postgres', mtime: 1_700_000_000, size: 8192,
  sha256: 'a'.repeat(64), prints: 'aa==', link: 'x', identity: 'i', rest: 'r', pieces: [{ volume: 1, offset: 0, length: 10, skip: 0, size: 8192 }],
}
const value = fc.oneof(fc.constantFrom<unknown>(undefined, null, '', 'file', 'dir', -1, 0, 1, 1.5, 2 ** 60, true, [], {}, [{}], 'b'.repeat(64), 'B'.repeat(64), 'aa==', 'aaa', 'aa ='), fc.string(), fc.integer(), fc.double())

test('an entry passes the short way exactly where the schema lets it pass, with the same fields', () => {
  fc.assert(fc.property(fc.constantFrom(...Object.keys(entry), 'pathBase64', 'other', '__proto__'), value, fc.constantFrom('set', 'drop', 'piece'), fc.constantFrom('volume', 'offset', 'length', 'skip', 'size', 'other'), (name, field, how, ofPiece) => {
    const { [name]: _, ...rest } = entry
    const changed = how === 'drop' ? rest : how === 'set' ? { ...entry, ...Object.fromEntries([[name, field]]) } : { ...entry, pieces: [{ volume: 1, offset: 0, length: 1, skip: 0, size: 1, [ofPiece]: field }] }
    const wanted = IndexEntry.safeParse(changed)
    if (wanted.success) expect(entryOf(changed)).toEqual(wanted.data)
    else expect(() => entryOf(changed)).toThrow()
  }), { numRuns: 3000 })
})
