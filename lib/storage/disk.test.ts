// Disk storage: the conformance suite, and what only a disk can do wrong.
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { storageConformance } from './conformance.spec.ts'
import { diskStorage } from './disk.ts'
import { putObject, sha256Of } from './objects.ts'

const roots: string[] = []
const newRoot = async (): Promise<string> => {
  const root = await mkdtemp(join(tmpdir(), 'howdah-disk-'))
  roots.push(root)
  return root
}
afterAll(async () => {
  for (const root of roots) await rm(root, { recursive: true, force: true })
})

storageConformance('disk', async () => diskStorage({ root: await newRoot() }))

test.each(['backups', './x', '/', ''])('%j is no root path [H1]', root => {
  expect(() => diskStorage({ root })).toThrow(/absolute path/)
})

test('a root that is gone is storage-unavailable, not an empty storage and not created anew [H1]', async () => {
  const root = await newRoot()
  const storage = diskStorage({ root })
  await rm(root, { recursive: true })
  for (const call of [() => storage.list(''), () => storage.stat('a'), () => storage.openUpload('a'), () => storage.read('a'), () => storage.space(), () => storage.remove('a')]) {
    await expect(call()).rejects.toMatchObject({ problem: { code: 'storage-unavailable' } })
  }
})

test('the write test creates a root that is not there yet [H1]', async () => {
  const root = join(await newRoot(), 'new/place')
  await diskStorage({ root }).testWrite()
  expect(await readdir(root)).toEqual([])
})

test('a root that is a file fails the write test with the path [H1]', async () => {
  const root = join(await newRoot(), 'file')
  await writeFile(root, '')
  await expect(diskStorage({ root }).testWrite()).rejects.toMatchObject({ problem: { message: expect.stringContaining(root) as string } })
})

test('the quota is kept: what does not fit is refused with no-space and leaves nothing [H1]', async () => {
  const root = await newRoot()
  const storage = diskStorage({ root, quotaBytes: 1000 })
  await putObject(storage, 'a', Buffer.alloc(800))
  await expect(putObject(storage, 'b', Buffer.alloc(300))).rejects.toMatchObject({ problem: { code: 'no-space' } })
  expect(await readdir(root)).toEqual(['a'])
  await storage.remove('a')
  await putObject(storage, 'b', Buffer.alloc(300))
})

test('keep-free is kept [H1]', async () => {
  const root = await newRoot()
  const { freeBytes } = await diskStorage({ root }).space()
  const storage = diskStorage({ root, keepFreeBytes: freeBytes + 1_000_000_000 })
  await expect(storage.testWrite()).rejects.toMatchObject({ problem: { code: 'no-space' } })
  expect((await storage.space()).availableBytes).toBe(0)
})

test('objects are readable by their owner only [A7]', async () => {
  const root = await newRoot()
  const storage = diskStorage({ root })
  await putObject(storage, 'x/a', 'a')
  expect((await stat(join(root, 'x/a'))).mode & 0o777).toBe(0o600)
  expect((await stat(join(root, 'x'))).mode & 0o777).toBe(0o700)
})

test.skipIf(process.getuid?.() === 0)('a root that may not be written is write-failed [H1]', async () => {
  const root = await newRoot()
  await chmod(root, 0o500)
  await expect(diskStorage({ root }).testWrite()).rejects.toMatchObject({ problem: { code: 'write-failed' } })
})

test('bytes after the end of a longer earlier try do not survive the commit', async () => {
  const root = await newRoot()
  const storage = diskStorage({ root })
  const longer = await storage.openUpload('v')
  await longer.write(Buffer.alloc(100, 1))
  await longer.pause()
  const shorter = await storage.openUpload('v', { sizeBytes: 10 })
  expect(shorter.offset).toBe(0)
  await shorter.write(Buffer.alloc(10, 2))
  await shorter.commit({ sha256: sha256Of(Buffer.alloc(10, 2)), sizeBytes: 10 })
  expect((await storage.stat('v'))?.sizeBytes).toBe(10)
})
