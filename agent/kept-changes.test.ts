// Changes that several threads keep and any of them reads, against what was kept.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeHeader, incrementalBytes } from '#lib/postgres/incremental.ts'
import { PAGE_BYTES } from '#lib/postgres/pages.ts'
import { changesTable, keptChanges } from './kept-changes.ts'

const [FILES, IMAGES] = [5, 4]
const one = fc.record({ thread: fc.nat({ max: 1 }), file: fc.nat({ max: FILES - 1 }), image: fc.integer({ min: 1, max: IMAGES - 1 }), blocks: fc.uniqueArray(fc.nat({ max: 300 }), { maxLength: 90 }).map((blocks) => blocks.toSorted((a, b) => a - b)), truncationBlocks: fc.nat({ max: 400 }), isClosed: fc.boolean() })

test('what any thread kept is read by each, and what nobody kept is missed [E10]', () => {
  fc.assert(fc.property(fc.uniqueArray(one, { maxLength: 15, selector: ({ file, image }) => file * IMAGES + image }), (kept) => {
    const folder = mkdtempSync(join(tmpdir(), 'howdah-kept-'))
    try {
      const table = changesTable(FILES, IMAGES)
      const threads = [0, 1].map((number) => keptChanges(folder, number, table))
      const contents = new Map(kept.map(({ thread, file, image, isClosed, ...header }) => {
        const content = randomBytes(header.blocks.length * PAGE_BYTES)
        threads[thread]?.keep(file, image, incrementalBytes(header.blocks.length), (fd) => {
          writeSync(fd, encodeHeader(header))
          writeSync(fd, content)
        })
        if (isClosed) threads[thread]?.close()
        return [`${file} ${image}`, { header, content }] as const
      }))
      for (const thread of threads) {
        for (let file = 0; file < FILES; file += 1) {
          const wanted = Array.from({ length: IMAGES - 1 }, (_, index) => contents.get(`${file} ${index + 1}`))
          const found = thread.of(file, 1, IMAGES - 1)
          expect(found?.length ?? null).toBe(wanted.includes(undefined) ? null : IMAGES - 1)
          for (const [index, { fd, dataAt, blocks, truncationBlocks }] of (found ?? []).entries()) {
            const content = Buffer.alloc(blocks.length * PAGE_BYTES)
            readSync(fd, content, 0, content.length, dataAt)
            expect({ blocks, truncationBlocks }).toEqual(wanted[index]?.header)
            expect(content.equals(wanted[index]?.content ?? Buffer.alloc(0))).toBe(true)
          }
        }
        thread.close()
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  }), { numRuns: 60 })
})
