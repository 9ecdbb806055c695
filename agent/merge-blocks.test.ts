// Merging INCREMENTAL files against a merge by definition: every block from the newest place that has it, zeros where none has.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { encodeHeader, mergedBlocks } from '#lib/postgres/incremental.ts'
import { PAGE_BYTES } from '#lib/postgres/pages.ts'
import { isUnchanged, mergedBytes, mergedContent, withChanges } from './merge-blocks.ts'

const folder = mkdtempSync(join(tmpdir(), 'howdah-merge-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const pages = (count: number): Buffer => Buffer.concat(Array.from({ length: count }, () => Buffer.alloc(PAGE_BYTES, randomBytes(8))))

/** As frames that are used again: each piece is destroyed when the next one is taken. */
function* inPieces(bytes: Buffer, cuts: readonly number[]): Generator<Buffer> {
  let at = 0
  for (const cut of [...cuts, bytes.length]) {
    const piece = Buffer.from(bytes.subarray(at, at + cut))
    if (piece.length === 0) continue
    at += piece.length
    yield piece
    piece.fill(0xee)
  }
}

const store = (name: string, bytes: Uint8Array): string => {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

const step = fc.record({
  blocks: fc.uniqueArray(fc.nat({ max: 14 }), { maxLength: 10 }).map((blocks) => blocks.toSorted((a, b) => a - b)),
  truncationBlocks: fc.nat({ max: 16 }),
})

test('a chain of changed blocks gives what the blocks say, whatever pieces the file comes in [E10]', async () => {
  await fc.assert(fc.asyncProperty(fc.nat({ max: 12 }), fc.array(step, { minLength: 1, maxLength: 4 }), fc.array(fc.integer({ min: 1, max: 3 * PAGE_BYTES }), { maxLength: 6 }), async (size, steps, cuts) => {
    const base = pages(size)
    let wanted = Array.from({ length: size }, (_, block) => base.subarray(block * PAGE_BYTES, (block + 1) * PAGE_BYTES))
    const zero = Buffer.alloc(PAGE_BYTES)
    const paths = steps.map((header, number) => {
      const content = pages(header.blocks.length)
      wanted = Array.from({ length: mergedBlocks(header) }, (_, block) => {
        const index = header.blocks.indexOf(block)
        if (index !== -1) return content.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES)
        return block < header.truncationBlocks ? (wanted[block] ?? zero) : zero
      })
      return store(`change-${number}`, Buffer.concat([encodeHeader(header), content]))
    })
    await withChanges(paths, (changes) => {
      const got: Buffer[] = []
      let isTaken = false
      function* proved(): Generator<Buffer> {
        yield* inPieces(base, cuts)
        isTaken = true
      }
      for (const piece of mergedContent(proved(), changes)) got.push(Buffer.from(piece))
      expect(isTaken || mergedBytes(changes) === 0, 'the end of the file, where it is proved, was reached').toBe(true)
      expect(mergedBytes(changes)).toBe(wanted.length * PAGE_BYTES)
      expect(Buffer.concat(got).equals(Buffer.concat(wanted))).toBe(true)
      if (isUnchanged(base.length, changes)) expect(Buffer.concat(got).equals(base)).toBe(true)
    })
  }), { numRuns: 150 })
})

test('a file that is no INCREMENTAL file, or not a whole one, is refused', async () => {
  const whole = Buffer.concat([encodeHeader({ blocks: [1, 3], truncationBlocks: 4 }), pages(2)])
  const cases = { none: Buffer.from('anything else, long enough'), 'no header': whole.subarray(0, 5), 'half a header': whole.subarray(0, 100), 'a block missing': whole.subarray(0, whole.length - PAGE_BYTES), 'a block too many': Buffer.concat([whole, pages(1)]) }
  for (const [name, bytes] of Object.entries(cases)) await expect(withChanges([store(name, bytes)], () => 0), name).rejects.toThrow(RangeError)
  expect(await withChanges([store('whole', whole)], (changes) => mergedBytes(changes))).toBe(4 * PAGE_BYTES)
})

test('a file is unchanged where no image holds a block of it and none has seen it shorter', async () => {
  const isSame = (...headers: { blocks: number[]; truncationBlocks: number }[]): Promise<boolean> =>
    withChanges(headers.map((header, number) => store(`same-${number}`, Buffer.concat([encodeHeader(header), pages(header.blocks.length)]))), (changes) => isUnchanged(4 * PAGE_BYTES, changes))
  const none = { blocks: [], truncationBlocks: 4 }
  expect(await isSame(none, none)).toBe(true)
  expect(await isSame(none, { blocks: [2], truncationBlocks: 4 }, none)).toBe(false)
  expect(await isSame({ blocks: [], truncationBlocks: 3 }, none)).toBe(false)
  expect(await isSame(none, { blocks: [], truncationBlocks: 5 })).toBe(false)
})
