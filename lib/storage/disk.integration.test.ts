// A disk that is really full: a small file system in memory, mounted for the test.
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { run } from '#lib/platform/process.mjs'
import { diskStorage } from './disk.ts'
import { getObject, putObject } from './objects.ts'

test.skipIf(process.getuid?.() !== 0)('a full disk is no-space, and nothing half is visible or left [H1]', async () => {
  const root = await mkdtemp(join(tmpdir(), 'howdah-full-'))
  expect((await run({ argv: ['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', root] })).code).toBe(0)
  try {
    const storage = diskStorage({ root })
    const kept = randomBytes(200_000)
    await putObject(storage, 'x/kept', kept)
    const upload = await storage.openUpload('x/volume')
    await expect((async () => {
      for (let chunk = 0; chunk < 30; chunk++) await upload.write(Buffer.alloc(100_000))
    })()).rejects.toMatchObject({ problem: { code: 'no-space' } })
    expect((await storage.list('')).map(({ key }) => key)).toEqual(['x/kept'])
    expect(await readdir(join(root, 'x'))).toEqual(['kept'])
    expect((await getObject(storage, 'x/kept')).equals(kept)).toBe(true)
    await putObject(storage, 'x/next', Buffer.alloc(100_000))
  } finally {
    await run({ argv: ['umount', root] })
    await rm(root, { recursive: true, force: true })
  }
})
