// Telling files of an earlier copy that are what is wanted from those that are not, by their content alone.
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { WantedContent } from '#lib/image/file-reader.ts'
import { printsMaker } from '#lib/image/prints.ts'
import { differenceOf, readChooser, shareOf } from './compare-files.ts'
import { STRETCH_BYTES, type Way, type WayChooser } from './way-chooser.ts'

const MIB = 1 << 20
// Beside the tests: temporary files may lie in memory, where nothing goes around the cache.
const folder = mkdtempSync(join(import.meta.dirname, '../node_modules/.howdah-compare-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const wantedBy = {
  sha256: (content: Buffer): WantedContent => ({ size: content.length, sha256: createHash('sha256').update(content).digest('hex') }),
  prints(content: Buffer): WantedContent {
    const maker = printsMaker()
    maker.add(content)
    return { size: content.length, prints: maker.end() }
  },
}
type By = keyof typeof wantedBy

const difference = async (path: string, wanted: Buffer, by: By, chooser = readChooser()): Promise<{ answer: number | null; readBytes: number; isSame: boolean }> => {
  let [readBytes, isSame] = [0, false]
  const answer = await differenceOf(path, wantedBy[by](wanted), { onPiece: (bytes) => void (readBytes += bytes), onSame: () => void (isSame = true), chooser })
  return { answer, readBytes, isSame }
}

test.each([0, 1, 8192, MIB - 1, MIB, MIB + 5, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 7 * MIB + 4096].flatMap((bytes) => (['sha256', 'prints'] as const).map((by) => ({ bytes, by }))))('$bytes bytes are the same or not by every byte, by $by [K16]', async ({ bytes, by }) => {
  const path = join(folder, String(bytes))
  const content = randomBytes(bytes)
  writeFileSync(path, content)
  expect(await difference(path, content, by)).toEqual({ answer: null, readBytes: bytes, isSame: true })
  for (const at of [0, Math.floor(bytes / 2), bytes - 1].filter((one) => one >= 0 && one < bytes)) {
    const other = Buffer.from(content)
    other[at] = (other[at] ?? 0) ^ 1
    writeFileSync(path, other)
    utimesSync(path, 1_700_000_000, 1_700_000_000)
    expect(await difference(path, content, by), `byte ${at}`).toEqual({ answer: bytes, readBytes: bytes, isSame: false })
  }
  writeFileSync(path, Buffer.concat([content, Buffer.of(1)]))
  expect(await difference(path, content, by)).toEqual({ answer: bytes + 1, readBytes: 0, isSame: false })
  rmSync(path)
  expect(await difference(path, content, by)).toEqual({ answer: 0, readBytes: 0, isSame: false })
})

test.each([{ ways: ['direct'], by: 'sha256' }, { ways: ['cached'], by: 'prints' }, { ways: ['direct', 'cached'], by: 'prints' }, { ways: ['cached', 'direct'], by: 'sha256' }] as const)('stretches read $ways make one digest ($by), whatever the length [K16]', async ({ ways, by }) => {
  const told: number[] = []
  const chooser: WayChooser = { isTrial: false, get way(): Way { return ways[told.length % ways.length] ?? 'cached' }, spent: (ms) => void told.push(ms) }
  const path = join(folder, 'stretches')
  const content = randomBytes(2 * STRETCH_BYTES + 3 * MIB)
  for (const [bytes, whole] of [[STRETCH_BYTES, 1], [content.length, 2]] as const) {
    const wanted = content.subarray(0, bytes)
    writeFileSync(path, wanted)
    told.length = 0
    expect(await difference(path, wanted, by, chooser)).toEqual({ answer: null, readBytes: bytes, isSame: true })
    expect(told.length).toBe(whole)
    const other = Buffer.from(wanted)
    other[bytes - 1] = (other[bytes - 1] ?? 0) ^ 1
    writeFileSync(path, other)
    expect(await difference(path, wanted, by, chooser)).toEqual({ answer: bytes, readBytes: bytes, isSame: false })
  }
})

test('a file that differs at its begin is read no further, and its progress goes on [K16]', async () => {
  const path = join(folder, 'begin')
  const content = randomBytes(2 * STRETCH_BYTES)
  const other = Buffer.from(content)
  other[0] = (other[0] ?? 0) ^ 1
  writeFileSync(path, other)
  const pieces: number[] = []
  expect(await differenceOf(path, wantedBy.prints(content), { onPiece: (bytes) => void pieces.push(bytes), onSame: () => {}, chooser: readChooser() })).toBe(content.length)
  expect(pieces).toEqual([MIB, content.length - MIB])
})

test('every file is somebody’s share and nobody else’s, small ones first, large ones by their size [K16]', () => {
  const files = [5 * MIB, 10, 40 * MIB, 8192, 0, 20 * MIB, 8192, 100_000].map((size, number) => ({ size, number }))
  const shares = [0, 1].map((share) => [...shareOf(files, share, 2)])
  expect(shares.flat().map(({ number }) => number).toSorted((a, b) => a - b)).toEqual(files.map(({ number }) => number))
  expect(shares.map((share) => share.filter(({ size }) => size >= 4 * MIB).map(({ size }) => size / MIB))).toEqual([[40], [20, 5]])
  for (const share of shares) expect(share.findIndex(({ size }) => size >= 4 * MIB)).toBe(share.filter(({ size }) => size < 4 * MIB).length)
  expect(shares.map((share) => share.filter(({ size }) => size < 4 * MIB).length)).toEqual([3, 2])
})
