// Encrypted volumes of a stripe: read anywhere through the index, and unpacked by hand with age, zstd and tar.
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seekableAge } from './age.ts'
import { openHeader } from './age-header.ts'
import { fileContent, frameOpener } from './file-reader.ts'
import { FRAME_BYTES } from './frames.ts'
import type { StoredVolume } from './image-json.ts'
import type { IndexEntry } from './index.ts'
import { parseVolumeName, volumeName } from './layout.ts'
import { openStripe } from './stripe-writer.ts'

let top = ''
let identity = ''
let recipient = ''
beforeAll(async () => {
  top = mkdtempSync(join(tmpdir(), 'howdah-sealed-'))
  identity = await generateX25519Identity()
  recipient = await identityToRecipient(identity)
  writeFileSync(join(top, 'key.txt'), `${identity}\n`, { mode: 0o600 })
})
afterAll(() => rmSync(top, { recursive: true, force: true }))

let count = 0
function write(contents: readonly Buffer[], level: number | null, volumeBytes: number): { at: string; volumes: StoredVolume[]; entries: IndexEntry[] } {
  const at = join(top, `stripe-${(count += 1)}`)
  mkdirSync(at)
  const volumes: StoredVolume[] = []
  const entries: IndexEntry[] = []
  const stripe = openStripe({ stripe: 'data-1', level, recipient, folder: at, volumeBytes, onVolume: (volume) => volumes.push(volume), onEntry: (entry) => entries.push(entry) })
  for (const [index, content] of contents.entries()) {
    stripe.file({ type: 'file', path: Buffer.from(`file-${index}`), size: content.length, mode: 0o600, uid: 0, gid: 0, user: 'root', group: 'root', mtime: 1_700_000_000 }, (into, position) => content.copy(into, 0, position))
  }
  stripe.end()
  return { at, volumes, entries }
}

function readBack({ at, entries }: { at: string; entries: readonly IndexEntry[] }, isCompressed: boolean): Buffer[] {
  const open = frameOpener(({ volume, offset, length }) => {
    const file = readFileSync(join(at, volumeName('data-1', volume, isCompressed, true)))
    const { fileKey, headerBytes } = openHeader(file, [identity], 'a volume')
    return seekableAge({ fileKey, headerBytes, fileBytes: file.length, read: (from, size) => file.subarray(from, from + size) }).read(offset, length)
  }, isCompressed)
  return entries.map((entry) => Buffer.concat([...fileContent(entry, open)]))
}

const content = fc.oneof(fc.constantFrom(0, 1, 65_535, 65_536, FRAME_BYTES, FRAME_BYTES + 1), fc.integer({ min: 0, max: 900_000 })).map((size) => randomBytes(size))

test('files come back through the index, and by age, zstd and tar, however volumes are cut [B7] [D12]', () => {
  fc.assert(
    fc.property(fc.array(content, { minLength: 1, maxLength: 6 }), fc.constantFrom(null, 3), fc.constantFrom(1, 300_000, 2_000_000), (contents, level, volumeBytes) => {
      const written = write(contents, level, volumeBytes)
      for (const [index, bytes] of readBack(written, level !== null).entries()) expect(bytes.equals(contents[index] ?? Buffer.alloc(0))).toBe(true)
      for (const { name, sizeBytes, sha256 } of written.volumes) {
        const file = readFileSync(join(written.at, name))
        expect(parseVolumeName(name)).toMatchObject({ stripe: 'data-1', isCompressed: level !== null, isSealed: true })
        expect([file.length, createHash('sha256').update(file).digest('hex')]).toEqual([sizeBytes, sha256])
      }
    }),
    { numRuns: 25 },
  )
  const contents = [randomBytes(700_000), Buffer.alloc(200_000, 'howdah')]
  const { at } = write(contents, 3, 300_000)
  execFileSync('bash', ['-euo', 'pipefail', '-c', 'for volume in data-1.*.tar.zst.age; do age -d -i ../key.txt "$volume"; done | zstd -dc | tar xf -'], { cwd: at })
  for (const [index, wanted] of contents.entries()) expect(readFileSync(join(at, `file-${index}`)).equals(wanted)).toBe(true)
})
