/** What every storage must do, as one suite: `storageConformance(name, make)` is called from the tests of each implementation. */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { getObject, putObject, sha256Of } from './objects.ts'
import type { Storage } from './storage.ts'

const expected = (bytes: Uint8Array) => ({ sha256: sha256Of(bytes), sizeBytes: bytes.length })

/** `make` gives an empty storage for each test; `keptUnit` is how many bytes a paused upload keeps at a time: any byte on a disk, a part on S3. */
export function storageConformance(name: string, make: () => Promise<Storage>, keptUnit = 1): void {
  const atLeast = (bytes: number): number => Math.max(bytes, keptUnit)
  describe(`${name} keeps the promises of the storage port [H9]`, () => {
    test('what was committed comes back byte for byte, whole and by range', async () => {
      const storage = await make()
      const bytes = randomBytes(3_000_001)
      await putObject(storage, 'a/b/c.bin', bytes)
      expect((await getObject(storage, 'a/b/c.bin')).equals(bytes)).toBe(true)
      const part: Buffer[] = []
      for await (const chunk of await storage.read('a/b/c.bin', { begin: 1000, end: 2_000_500 })) part.push(chunk as Buffer)
      expect(Buffer.concat(part).equals(bytes.subarray(1000, 2_000_500))).toBe(true)
      const none: unknown[] = []
      for await (const chunk of await storage.read('a/b/c.bin', { begin: bytes.length, end: bytes.length })) none.push(chunk)
      expect(none).toEqual([])
      expect((await storage.stat('a/b/c.bin'))?.sizeBytes).toBe(bytes.length)
    })

    test('nothing is visible before commit, and a paused upload goes on where it stopped', async () => {
      const storage = await make()
      const paused = Math.ceil(200_000 / keptUnit) * keptUnit
      const bytes = randomBytes(paused + 300_000)
      const first = await storage.openUpload('x/volume')
      expect(first.offset).toBe(0)
      await first.write(bytes.subarray(0, paused))
      await first.pause()
      expect(await storage.stat('x/volume')).toBeNull()
      expect(await storage.list('x/')).toEqual([])
      await expect(storage.read('x/volume')).rejects.toMatchObject({ problem: { code: 'not-found' } })
      const second = await storage.openUpload('x/volume', { sizeBytes: bytes.length })
      expect(second.offset).toBe(paused)
      await second.write(bytes.subarray(second.offset))
      await second.commit(expected(bytes))
      expect((await getObject(storage, 'x/volume')).equals(bytes)).toBe(true)
    })

    test('an aborted upload leaves nothing to go on from', async () => {
      const storage = await make()
      const upload = await storage.openUpload('x/volume')
      await upload.write(Buffer.alloc(atLeast(3), 'abc'))
      await upload.abort()
      const again = await storage.openUpload('x/volume')
      expect(again.offset).toBe(0)
      await again.abort()
    })

    test.each([
      ['a byte too few', { sha256: sha256Of(Buffer.from('abcd')), sizeBytes: 4 }],
      ['another digest', { sha256: sha256Of(Buffer.from('abd')), sizeBytes: 3 }],
    ])('%s is refused at commit and leaves no object and no bytes [D12]', async (_name, wrong) => {
      const storage = await make()
      const upload = await storage.openUpload('x/volume')
      await upload.write(Buffer.from('abc'))
      await expect(upload.commit(wrong)).rejects.toMatchObject({ problem: { code: 'storage-corrupt' } })
      expect(await storage.stat('x/volume')).toBeNull()
      const again = await storage.openUpload('x/volume')
      expect(again.offset).toBe(0)
      await again.abort()
    })

    test('a refused replacement leaves the older object as it was', async () => {
      const storage = await make()
      await putObject(storage, 'x/doc', 'first')
      const upload = await storage.openUpload('x/doc', { resume: false })
      await upload.write(Buffer.from('secund'))
      await expect(upload.commit(expected(Buffer.from('second')))).rejects.toMatchObject({ problem: { code: 'storage-corrupt' } })
      expect((await getObject(storage, 'x/doc')).toString()).toBe('first')
      await putObject(storage, 'x/doc', 'second')
      expect((await getObject(storage, 'x/doc')).toString()).toBe('second')
    })

    test('two writers of one key at once end with one whole object', async () => {
      const storage = await make()
      const bytes = randomBytes(300_000)
      const [one, two] = await Promise.all([storage.openUpload('x/same', { resume: false }), storage.openUpload('x/same', { resume: false })])
      await Promise.all([one.write(bytes), two.write(bytes)])
      await Promise.all([one.commit(expected(bytes)), two.commit(expected(bytes))])
      expect((await getObject(storage, 'x/same')).equals(bytes)).toBe(true)
    })

    test('list is ordered and holds exactly what lies below the prefix', async () => {
      const storage = await make()
      for (const key of ['s/b/2', 's/a/1', 's/ab', 't/1']) await putObject(storage, key, key)
      expect((await storage.list('s/')).map(({ key }) => key).toSorted()).toEqual(['s/a/1', 's/ab', 's/b/2'])
      expect((await storage.list('s/a/')).map(({ key }) => key)).toEqual(['s/a/1'])
      expect(await storage.list('nothing/')).toEqual([])
      expect((await storage.list('')).length).toBe(4)
    })

    test('remove says whether there was something, and takes half an upload along', async () => {
      const storage = await make()
      await putObject(storage, 'x/1', 'one')
      expect(await storage.remove('x/1')).toBe(true)
      expect(await storage.remove('x/1')).toBe(false)
      const upload = await storage.openUpload('x/2')
      await upload.write(Buffer.alloc(atLeast(4), 'half'))
      await upload.pause()
      await storage.remove('x/2')
      const again = await storage.openUpload('x/2')
      expect(again.offset).toBe(0)
      await again.abort()
    })

    test('sweep removes what unfinished uploads left and nothing else', async () => {
      const storage = await make()
      await putObject(storage, 'x/whole', 'whole')
      const upload = await storage.openUpload('x/half')
      await upload.write(Buffer.alloc(atLeast(4), 'half'))
      await upload.pause()
      expect(await storage.sweep('x/')).toBe(1)
      expect(await storage.sweep('x/')).toBe(0)
      expect((await getObject(storage, 'x/whole')).toString()).toBe('whole')
    })

    test.each(['', '/etc/passwd', '../x', 'a/../../x', 'a/./b', 'a//b', '.hidden', 'a/.b', 'a\0b', 'a b', 'a/'])('the key %j is refused', async key => {
      const storage = await make()
      await expect(storage.openUpload(key)).rejects.toMatchObject({ problem: { code: 'invalid-input' } })
      await expect(storage.read(key)).rejects.toMatchObject({ problem: { code: 'invalid-input' } })
      await expect(storage.remove(key)).rejects.toMatchObject({ problem: { code: 'invalid-input' } })
    })

    test('the write test leaves nothing behind and space is told', async () => {
      const storage = await make()
      await storage.testWrite()
      expect(await storage.list('')).toEqual([])
      const space = await storage.space()
      expect(space.totalBytes).toBeGreaterThan(0)
      expect(space.availableBytes).toBeLessThanOrEqual(space.freeBytes)
    })
  })
}
