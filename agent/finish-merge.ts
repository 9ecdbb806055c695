// Makes a whole copy of what changed-block images were put together to: its label says so, and its manifest lists the files as they are.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { withoutIncrementalFrom } from '#lib/postgres/backup-label.ts'
import { pathOfIncremental } from '#lib/postgres/incremental.ts'
import { type ManifestFile, manifestText } from '#lib/postgres/manifest.ts'
import { parseManifest } from '#lib/postgres/manifest-reader.ts'
import type { SummedFile } from './merge-blocks.ts'

/** `summed`: the files that blocks went into, as they are now. */
export async function finishMerge(data: string, summed: readonly SummedFile[]): Promise<void> {
  const labelPath = join(data, 'backup_label')
  const label = withoutIncrementalFrom(await readFile(labelPath, 'utf8'))
  await rewrite(labelPath, label)

  const manifestPath = join(data, 'backup_manifest')
  if (!existsSync(manifestPath)) return
  const manifest = parseManifest(await readFile(manifestPath, 'utf8'), createHash('sha256'))
  const now = new Map(summed.map((file) => [file.path, file]))
  const files = manifest.files.map((file): ManifestFile => {
    if (file.path === 'backup_label') return { ...file, sizeBytes: Buffer.byteLength(label), checksum: { algorithm: 'SHA256', hex: createHash('sha256').update(label).digest('hex') } }
    const path = typeof file.path === 'string' ? pathOfIncremental(file.path) : null
    const found = path === null ? undefined : now.get(path)
    return path === null || found === undefined ? file : { ...file, ...found }
  })
  await rewrite(manifestPath, [...manifestText({ ...manifest, files }, createHash('sha256'))].join(''))
}

/** New content in place: owner, mode and time stay. */
async function rewrite(path: string, text: string): Promise<void> {
  const { atime, mtime } = await stat(path)
  await truncate(path, 0)
  await writeFile(path, text, { flag: 'r+' })
  await utimes(path, atime, mtime)
}
