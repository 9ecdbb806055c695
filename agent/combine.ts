// The `combine` door: puts unpacked images of a chain together into one data directory, for whoever restores by hand. PostgreSQL has pg_combinebackup for it from 17 on.
import { createHash } from 'node:crypto'
import { closeSync, existsSync, openSync, readSync, writeSync } from 'node:fs'
import { chmod, chown, copyFile, mkdir, readdir, readFile, readlink, stat, symlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import { parseBackupLabel } from '#lib/postgres/backup-label.ts'
import { bulkCrc32c } from '#lib/postgres/crc32c.ts'
import { pathOfIncremental } from '#lib/postgres/incremental.ts'
import { formatLsn } from '#lib/postgres/lsn.ts'
import type { ManifestFile } from '#lib/postgres/manifest.ts'
import { parseManifest } from '#lib/postgres/manifest-reader.ts'
import { finishMerge } from './finish-merge.ts'
import { summedContent, type SummedFile, withChanges } from './merge-blocks.ts'

export const COMBINE_USAGE = 'usage: agent.mjs combine OUTPUT FULL INCREMENTAL...   (unpacked images, oldest first; OUTPUT must not exist)'

const CHUNK_BYTES = 1 << 20

/** Mode and times as there; owner too where we may. */
async function likeThere(from: string, to: string): Promise<void> {
  const { mode, uid, gid, atime, mtime } = await stat(from)
  if (process.getuid?.() === 0) await chown(to, uid, gid)
  await chmod(to, mode & 0o7777)
  await utimes(to, atime, mtime)
}

function* piecesOf(path: string): Generator<Buffer> {
  const fd = openSync(path, 'r')
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES)
    for (let got = readSync(fd, chunk); got > 0; got = readSync(fd, chunk)) yield chunk.subarray(0, got)
  } finally {
    closeSync(fd)
  }
}

type Checksums = ReadonlyMap<string, ManifestFile['checksum']>

/** What the manifest of an unpacked image says of its files; nothing where there is none. */
async function checksumsOf(image: string): Promise<Checksums> {
  const path = join(image, 'backup_manifest')
  if (!existsSync(path)) return new Map()
  return new Map(parseManifest(await readFile(path, 'utf8'), createHash('sha256')).files.flatMap((file) => (typeof file.path === 'string' ? [[file.path, file.checksum] as const] : [])))
}

/** The file that `path` (as the newest image holds it: INCREMENTAL.…) becomes: the newest whole one of the chain, and all blocks since. */
async function rebuilt(path: string, plain: string, { output, images, checksums, sum }: { output: string; images: readonly string[]; checksums: readonly Checksums[]; sum: ReturnType<typeof bulkCrc32c> }): Promise<SummedFile> {
  const wholeAt = images.findLastIndex((image) => existsSync(join(image, plain)))
  const since = images.slice(wholeAt + 1)
  const missing = wholeAt < 0 ? undefined : since.find((image) => !existsSync(join(image, path)))
  if (wholeAt < 0 || missing !== undefined) throw problem('storage-corrupt', `${plain} is whole in no image of these`, { detail: `The newest holds changed blocks of it only${missing === undefined ? '' : `, and ${missing} nothing`}.`, hint: 'Give all images of the chain, from the full (level 0) to the newest, oldest first: image.json names the base of each.' })
  const target = join(output, plain)
  const base = join(images[wholeAt] ?? '', plain)
  const { size: bytes } = await stat(base)
  const summed = await withChanges(since.map((image) => join(image, path)), (changes) => {
    const { content, file } = summedContent(plain, { content: piecesOf(base), bytes, known: checksums[wholeAt]?.get(plain) ?? null }, changes, sum)
    const fd = openSync(target, 'wx', 0o600)
    try {
      for (const piece of content) for (let at = 0; at < piece.length; ) at += writeSync(fd, piece, at)
    } finally {
      closeSync(fd)
    }
    return file()
  }).catch((error: unknown) => {
    throw error instanceof RangeError ? problem('storage-corrupt', `${plain} cannot be put together: ${error.message}`, { hint: 'Unpack the images again, and verify them.' }) : error
  })
  await likeThere(join(images.at(-1) ?? '', path), target)
  return summed
}

/** Every label must name the begin of the image before it: blocks put onto another base would give files that look right and are not. */
async function demandChain(images: readonly string[]): Promise<void> {
  const labels = await Promise.all(images.map(async (image) => parseBackupLabel(await readFile(join(image, 'backup_label'), 'utf8'))))
  for (const [index, { incrementalFrom }] of labels.entries()) {
    const base = labels[index - 1]
    if (base === undefined && incrementalFrom === null) continue
    if (base !== undefined && incrementalFrom?.lsn === base.startLsn) continue
    const says = incrementalFrom === null ? 'is a full' : `was taken since ${formatLsn(incrementalFrom.lsn)}`
    throw problem('storage-corrupt', `${images[index] ?? ''} ${says}, and does not follow ${base === undefined ? 'nothing' : `${images[index - 1] ?? ''}, which began at ${formatLsn(base.startLsn)}`}`, { hint: 'Give all images of the chain, from the full (level 0) to the newest, oldest first: image.json names the base of each.' })
  }
}

/** Throws `destination-refused` when the output exists, `storage-corrupt` when the images are no chain. */
export async function combine(output: string, images: readonly string[]): Promise<{ files: number; rebuilt: number }> {
  const newest = images.at(-1) ?? ''
  if (existsSync(output)) throw problem('destination-refused', `${output} exists`, { hint: 'Name a directory that does not exist: it is made.' })
  for (const image of images) if (!existsSync(join(image, 'PG_VERSION'))) throw problem('invalid-input', `${image} is no unpacked image`, { hint: 'Unpack each image into a directory of its own first, as RESTORE.md says.' })
  await demandChain(images)
  const summed: SummedFile[] = []
  const sum = bulkCrc32c()
  const checksums = await Promise.all(images.slice(0, -1).map(checksumsOf))
  let files = 0
  const visit = async (folder: string): Promise<void> => {
    const [from, to] = [join(newest, folder), join(output, folder)]
    await mkdir(to, { mode: 0o700 })
    for (const entry of await readdir(from, { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) {
        await visit(path)
        continue
      }
      if (entry.isSymbolicLink()) {
        await symlink(await readlink(join(newest, path)), join(output, path))
        continue
      }
      files += 1
      const plain = pathOfIncremental(path)
      if (plain !== null) {
        summed.push(await rebuilt(path, plain, { output, images, checksums, sum }))
        continue
      }
      await copyFile(join(newest, path), join(output, path))
      await likeThere(join(newest, path), join(output, path))
    }
    await likeThere(from, to)
  }
  await visit('')
  await finishMerge(output, summed)
  return { files, rebuilt: summed.length }
}
