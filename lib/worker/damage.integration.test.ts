// What is damaged on the line is sent again; what is damaged or gone at rest is found by verify and by restore alike, named, and nothing is left where it was to be restored.
import { existsSync } from 'node:fs'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noiseTable, serverFolder } from '#e2e/hosts/cluster.ts'
import { faultStage, type FaultStage } from '#e2e/hosts/fault-stage.ts'
import { formatImageJson, parseImageJson } from '#lib/image/image-json.ts'
import { indexHead, indexWriter, parseIndex } from '#lib/image/index.ts'
import { sha256Of } from '#lib/storage/objects.ts'

describe.skipIf(process.getuid?.() !== 0)('an image that damage comes to', () => {
  let stage: FaultStage
  beforeAll(async () => {
    stage = await faultStage({})
    // Enough that no compression hides a bit.
    await stage.cluster.sql(noiseTable('noise', 8))
  })
  afterAll(() => stage?.[Symbol.asyncDispose]())

  test('a bit that flips on the line costs the connection, not the backup: it goes on, and every digest is right [D3] [D12]', async () => {
    const { console: it, proxy } = stage
    proxy.limit(4 << 20)
    const runId = await it.begin('backup', { source: await it.frozen(), level: 'full', checkFirst: false, storageId: it.storageId, cycleDays: 7 })
    const before = proxy.received()
    await expect.poll(() => proxy.received() - before, { timeout: 30_000, interval: 20 }).toBeGreaterThan(3 << 20)
    proxy.flip(10_000)
    proxy.limit(null)
    const run = await it.ended(runId)
    const texts = await it.texts(runId)
    expect(run, texts.join('\n')).toMatchObject({ state: 'succeeded', attempt: 1 })
    expect(texts.some((text) => /trying again|goes on from byte/.test(text)), texts.join('\n')).toBe(true)
    expect(await it.run('verify', { imageId: run.imageId ?? '' })).toMatchObject({ state: 'succeeded' })
    expect(await stage.wounds()).toEqual([])
  })

  /** Objects that the restore of an image reads, by what they are. */
  const objects = async (): Promise<Record<string, string>> => {
    const { console: it } = stage
    const image = await it.db.image.findFirstOrThrow({ orderBy: { endAt: 'desc' }, include: { volumes: true } })
    const wal = await it.db.walFile.findFirstOrThrow({ where: { kind: 'segment', beginLsn: { lte: image.endLsn }, endLsn: { gt: image.beginLsn } } })
    const inImage = (name: string): string => join(it.storageRoot, image.path, name)
    return { 'image.json': inImage('image.json'), index: inImage('index.json.zst'), volume: inImage(image.volumes.toSorted((a, b) => Number(b.sizeBytes - a.sizeBytes))[0]?.name ?? ''), segment: join(it.storageRoot, wal.path) }
  }
  const refused = async (path: string): Promise<void> => {
    const { console: it } = stage
    const image = await it.db.image.findFirstOrThrow({ orderBy: { endAt: 'desc' } })
    const name = basename(path).replace(/\.zst$/, '').replace('index.json', 'index')
    const verify = await it.run('verify', { imageId: image.id })
    expect([verify.state, ['storage-corrupt', 'not-found', 'wal-gap'].includes(verify.problemCode ?? '')], `verify: ${verify.state} ${verify.problemCode} ${verify.problemMessage}`).toEqual(['failed', true])
    expect(`${verify.problemMessage} ${verify.problemDetail}`).toContain(name)
    const folder = await serverFolder('damaged')
    try {
      const { run } = await it.restore(join(folder, 'restored'), { target: { kind: 'latest' }, imageId: image.id })
      expect([run.state, ['storage-corrupt', 'not-found', 'wal-gap'].includes(run.problemCode ?? '')], `restore: ${run.state} ${run.problemCode} ${run.problemMessage}`).toEqual(['failed', true])
      expect(`${run.problemMessage} ${run.problemDetail}`).toContain(name)
      expect(run.problemHint).not.toBeNull()
      expect(['data', 'archive'].filter((one) => existsSync(join(folder, 'restored', one)))).toEqual([])
      expect(await readdir(folder)).toEqual([])
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  test.each(['image.json', 'index', 'volume', 'segment'])('one bit of its %s flips at rest: verify and restore name it, and with the bit back all is fine [D12] [J5] [K9]', async (which) => {
    const path = (await objects())[which] ?? ''
    const sound = await readFile(path)
    const damaged = Buffer.from(sound)
    const at = Math.floor(damaged.length / 2)
    damaged[at] = (damaged[at] ?? 0) ^ 1
    await writeFile(path, damaged)
    await refused(path)
    await writeFile(path, sound)
    expect(await stage.console.run('verify', { imageId: (await stage.console.db.image.findFirstOrThrow({ orderBy: { endAt: 'desc' } })).id })).toMatchObject({ state: 'succeeded' })
  })

  test('prints that are not those of a file are found by verify too, before a restore would meet them [J5] [D12]', async () => {
    const { console: it } = stage
    const { 'image.json': imagePath = '', index: indexPath = '' } = await objects()
    const [sound, soundIndex] = [await readFile(imagePath, 'utf8'), await readFile(indexPath)]
    const entries = parseIndex(soundIndex)
    const longest = entries.toSorted((a, b) => b.size - a.size)[0]
    const parts = [indexHead()]
    const writer = indexWriter((frame) => parts.push(frame))
    for (const entry of entries) writer.add(entry === longest ? { ...entry, prints: Buffer.alloc(Buffer.from(entry.prints ?? '', 'base64').length, 1).toString('base64') } : entry)
    writer.end()
    const other = Buffer.concat(parts)
    const image = parseImageJson(sound)
    const row = await it.db.image.findFirstOrThrow({ orderBy: { endAt: 'desc' } })
    if (image.index === null) throw new Error('The image has no index.')
    await writeFile(indexPath, other)
    await writeFile(imagePath, formatImageJson({ ...image, index: { ...image.index, sizeBytes: other.length, sha256: sha256Of(other) } }))
    const verify = await it.run('verify', { imageId: row.id })
    expect(verify, verify.problemMessage ?? '').toMatchObject({ state: 'failed', problemCode: 'storage-corrupt' })
    expect(`${verify.problemMessage} ${verify.problemDetail}`).toContain(longest?.path ?? '?')
    await writeFile(indexPath, soundIndex)
    await writeFile(imagePath, sound)
    expect(await it.run('verify', { imageId: row.id })).toMatchObject({ state: 'succeeded' })
  })

  test.each(['image.json', 'index', 'volume', 'segment'])('its %s is gone from storage: verify and restore name it [J5] [G2]', async (which) => {
    const path = (await objects())[which] ?? ''
    await rename(path, `${path}.away`)
    await refused(path)
    await rename(`${path}.away`, path)
  })

  test('after all that it restores, starts and holds what the server holds [D1]', async () => {
    expect(await stage.proof()).toBeNull()
    expect(await stage.wounds()).toEqual([])
  })
})
