// Rows of pg_class as pages hold them: names by filenode, old versions, and bytes that are no catalog.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mappedFile, namesIn, relationsIn } from './catalog-pages.ts'

interface Row { oid: number; name: string; filenode: number; kind: string; rows: number; isOld?: boolean }

const PAGE = 8192

/** One heap page with these rows. */
function page(rows: readonly Row[], major: number): Uint8Array {
  const bytes = new Uint8Array(PAGE)
  const view = new DataView(bytes.buffer)
  let upper = PAGE
  rows.forEach(({ oid, name, filenode, kind, rows: estimate, isOld }, index) => {
    const length = 24 + 160
    upper -= length
    view.setUint32(24 + 4 * index, upper | (1 << 15) | (length << 17), true)
    view.setUint32(upper + 4, isOld === true ? 900 : 0, true)
    view.setUint8(upper + 22, 24)
    const at = upper + 24
    view.setUint32(at, oid, true)
    bytes.set(new TextEncoder().encode(name).subarray(0, 63), at + 4)
    view.setUint32(at + 68, 2200, true)
    view.setUint32(at + 88, filenode, true)
    view.setFloat32(at + 100, estimate, true)
    view.setUint8(at + (major >= 18 ? 119 : 115), kind.charCodeAt(0))
  })
  view.setUint16(12, 24 + 4 * rows.length, true)
  return bytes
}

test.each([15, 18])('relations of PostgreSQL %i are found by their files, an old version of a row under its current name [K2]', (major) => {
  const found = relationsIn(page([
    { oid: 16_400, name: 'bestellungen_ä', filenode: 16_400, kind: 'r', rows: 12, isOld: true },
    { oid: 16_400, name: 'orders', filenode: 16_450, kind: 'r', rows: 13 },
    { oid: 1259, name: 'pg_class', filenode: 0, kind: 'r', rows: 400 },
  ], major), { major })
  expect([...found.keys()]).toEqual([16_400, 16_450])
  expect(found.get(16_450)).toMatchObject({ oid: 16_400, name: 'orders', kind: 'r', rows: 13, namespace: 2200 })
  expect(found.get(16_400)?.name).toBe('orders')
})

test('names by oid, and the file of a mapped catalog', () => {
  expect(namesIn(page([{ oid: 5, name: 'postgres', filenode: 0, kind: 'r', rows: 0 }], 15)).get(5)).toBe('postgres')
  const map = new DataView(new ArrayBuffer(512))
  map.setUint32(0, 0x592717, true)
  map.setUint32(4, 2, true)
  for (const [index, number] of [1247, 1247, 1259, 16_999].entries()) map.setUint32(8 + 4 * index, number, true)
  expect(mappedFile(new Uint8Array(map.buffer), 1259)).toBe(16_999)
  expect(mappedFile(new Uint8Array(map.buffer), 1262)).toBe(1262)
  expect(mappedFile(new Uint8Array(512), 1259)).toBe(1259)
})

test('any bytes are read without an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: PAGE, maxLength: PAGE }), fc.constantFrom(15, 18), (bytes, major) => {
      relationsIn(bytes, { major })
      namesIn(bytes)
      mappedFile(bytes, 1259)
    }),
  )
})
