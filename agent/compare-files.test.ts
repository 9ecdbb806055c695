// Telling files of an earlier copy that are what is wanted from those that are not, by their content alone.
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { differenceOf, readChooser } from './compare-files.ts'
import { STRETCH_BYTES, type Way, type WayChooser } from './way-chooser.ts'

const MIB = 1 << 20
// Beside the tests: temporary files may lie in memory, where nothing goes around the cache.
const folder = mkdtempSync(join(import.meta.dirname, '../node_modules/.howdah-compare-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const difference = async (path: string, wanted: Buffer, chooser = readChooser()): Promise<{ answer: number | null; readBytes: number; isSame: boolean }> => {
  let [readBytes, isSame] = [0, false]
  const answer = await differenceOf(path, { size: wanted.length, sha256: createHash('sha256').update(wanted).digest('hex') }, { onPiece: (bytes) => void (readBytes += bytes), onSame: () => void (isSame = true), chooser })
  return { answer, readBytes, isSame }
}

test.each([0, 1, 8192, MIB - 1, MIB, MIB + 5, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 7 * MIB + 4096])('%i bytes are the same or not by every byte [K16]', async (bytes) => {
  const path = join(folder, String(bytes))
  const content = randomBytes(bytes)
  writeFileSync(path, content)
  expect(await difference(path, content)).toEqual({ answer: null, readBytes: bytes, isSame: true })
  for (const at of [0, Math.floor(bytes / 2), bytes - 1].filter((one) => one >= 0 && one < bytes)) {
    const other = Buffer.from(content)
    other[at] = (other[at] ?? 0) ^ 1
    writeFileSync(path, other)
    utimesSync(path, 1_700_000_000, 1_700_000_000)
    expect(await difference(path, content), `byte ${at}`).toEqual({ answer: bytes, readBytes: bytes, isSame: false })
  }
  writeFileSync(path, Buffer.concat([content, Buffer.of(1)]))
  expect(await difference(path, content)).toEqual({ answer: bytes + 1, readBytes: 0, isSame: false })
  rmSync(path)
  expect(await difference(path, content)).toEqual({ answer: 0, readBytes: 0, isSame: false })
})

test.each([{ ways: ['direct'] }, { ways: ['cached'] }, { ways: ['direct', 'cached'] }, { ways: ['cached', 'direct'] }] as const)('stretches read $ways make one digest, whatever the length [K16]', async ({ ways }) => {
  const told: number[] = []
  const chooser: WayChooser = { isTrial: false, get way(): Way { return ways[told.length % ways.length] ?? 'cached' }, spent: (ms) => void told.push(ms) }
  const path = join(folder, 'stretches')
  const content = randomBytes(2 * STRETCH_BYTES + 3 * MIB)
  for (const [bytes, whole] of [[STRETCH_BYTES, 1], [content.length, 2]] as const) {
    const wanted = content.subarray(0, bytes)
    writeFileSync(path, wanted)
    told.length = 0
    expect(await difference(path, wanted, chooser)).toEqual({ answer: null, readBytes: bytes, isSame: true })
    expect(told.length).toBe(whole)
    const other = Buffer.from(wanted)
    other[bytes - 1] = (other[bytes - 1] ?? 0) ^ 1
    writeFileSync(path, other)
    expect(await difference(path, wanted, chooser)).toEqual({ answer: bytes, readBytes: bytes, isSame: false })
  }
})
