// backup_manifest: byte-for-byte round trips of files real servers sent, odd paths, damage and size.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseLsn } from './lsn.ts'
import { type Manifest, type ManifestFile, manifestText } from './manifest.ts'
import { parseManifest } from './manifest-reader.ts'

const sha256 = () => createHash('sha256')
const build = (manifest: Manifest): string => [...manifestText(manifest, sha256())].join('')
const EMPTY: Manifest = { version: 1, systemIdentifier: null, files: [], walRanges: [{ timeline: 1, begin: parseLsn('0/2000028'), end: parseLsn('0/2000100') }] }
const FILE: ManifestFile = { path: 'base/5/1', sizeBytes: 8192, modifiedAt: new Date('2026-03-12T10:00:00Z'), checksum: { algorithm: 'SHA256', hex: 'ab'.repeat(32) } }

describe.each([
  [15, 1, null],
  [17, 2, '7710369794349507956'],
])('the manifest that PostgreSQL %d sent', (major, version, systemIdentifier) => {
  const text = gunzipSync(readFileSync(new URL(`./fixtures/backup_manifest-${major}.gz`, import.meta.url))).toString()

  test('is read whole and written back byte for byte', () => {
    const manifest = parseManifest(text, sha256())
    expect(manifest.version).toBe(version)
    expect(manifest.systemIdentifier).toBe(systemIdentifier)
    expect(manifest.files).toHaveLength(text.match(/"Path"/g)?.length ?? 0)
    expect(manifest.files.length).toBeGreaterThan(900)
    expect(manifest.files.at(-1)).toMatchObject({ path: 'global/pg_control', sizeBytes: 8192, checksum: { algorithm: 'CRC32C' } })
    expect(manifest.walRanges).toHaveLength(1)
    expect(build(manifest)).toBe(text)
  })

  test('is refused when a byte of it changed or its end is missing [D12]', () => {
    expect(() => parseManifest(text.replace('"Size": 8192', '"Size": 8193'), sha256())).toThrow('checksum')
    expect(() => parseManifest(text.slice(0, -30), sha256())).toThrow('not written to the end')
    expect(() => parseManifest(text.slice(0, text.length / 2), sha256())).toThrow('not written to the end')
    expect(() => parseManifest('', sha256())).toThrow('not written to the end')
  })
})

test('a path that is not UTF-8 is written in hex and comes back as bytes', () => {
  const path = new Uint8Array([0x62, 0xe9, 0x2f, 0x31])
  const text = build({ ...EMPTY, files: [{ ...FILE, path }] })
  expect(text).toContain('{ "Encoded-Path": "62e92f31", "Size": 8192,')
  expect(parseManifest(text, sha256()).files[0]?.path).toEqual(path)
})

test('bytes that are UTF-8 after all are written as text, and bad text is refused', () => {
  const text = build({ ...EMPTY, files: [{ ...FILE, path: new TextEncoder().encode('é "x"\n') }] })
  expect(text).toContain(String.raw`"Path": "é \"x\"\n"`)
  expect(() => build({ ...EMPTY, files: [{ ...FILE, path: 'a\ud800' }] })).toThrow(RangeError)
})

test('version 2 needs the system identifier, which keeps all its digits', () => {
  expect(() => build({ ...EMPTY, version: 2 })).toThrow(RangeError)
  const text = build({ ...EMPTY, version: 2, systemIdentifier: '18446744073709551615' })
  expect(parseManifest(text, sha256()).systemIdentifier).toBe('18446744073709551615')
})

test('a manifest with a right checksum and a wrong part is refused by the part’s name', () => {
  const body = build({ ...EMPTY, files: [FILE] }).replace('"Size": 8192', '"Size": "big"').split('"Manifest-Checksum"')[0] ?? ''
  const text = `${body}"Manifest-Checksum": "${sha256().update(body).digest('hex')}"}\n`
  expect(() => parseManifest(text, sha256())).toThrow('Size')
})

test('any files come back as they were given', () => {
  const files = fc.record({
    path: fc.string({ unit: 'grapheme', minLength: 1 }),
    sizeBytes: fc.maxSafeNat(),
    modifiedAt: fc.integer({ min: 0, max: 4_000_000_000 }).map((seconds) => new Date(seconds * 1000)),
    checksum: fc.option(fc.record({ algorithm: fc.constantFrom('SHA256', 'SHA512', 'CRC32C'), hex: fc.stringMatching(/^[0-9a-f]{8,64}$/) })),
  })
  fc.assert(
    fc.property(fc.array(files), (list) => {
      expect(parseManifest(build({ ...EMPTY, files: list }), sha256()).files).toEqual(list)
    }),
  )
})

test('100 000 files are written piece by piece and read back [D18]', () => {
  function* many(): Generator<ManifestFile> {
    for (let number = 1; number <= 100_000; number += 1) yield { ...FILE, path: `base/5/${number}` }
  }
  let longest = 0
  const pieces: string[] = []
  for (const piece of manifestText({ ...EMPTY, files: many() }, sha256())) {
    longest = Math.max(longest, piece.length)
    pieces.push(piece)
  }
  expect(longest).toBeLessThan(300)
  expect(parseManifest(pieces.join(''), sha256()).files).toHaveLength(100_000)
})
