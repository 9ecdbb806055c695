// Makes a whole copy of what changed-block images were put together to: its label says so, and its manifest lists the files as they are.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { withoutIncrementalFrom } from '#lib/postgres/backup-label.ts'
import { pathOfIncremental } from '#lib/postgres/incremental.ts'
import { type ManifestFile, manifestText, parseManifest } from '#lib/postgres/manifest.ts'
import type { MergedFile } from './restore-survey.ts'
import type { HashedFile } from './restore-thread.ts'

/** `hashed`: files that blocks went into, as they are now; all others of `merged` are what their whole image held. */
export async function finishMerge(data: string, { merged, hashed }: { merged: ReadonlyMap<string, MergedFile>; hashed: readonly HashedFile[] }): Promise<void> {
  const labelPath = join(data, 'backup_label')
  const label = withoutIncrementalFrom(await readFile(labelPath, 'utf8'))
  await rewrite(labelPath, label)

  const manifestPath = join(data, 'backup_manifest')
  if (!existsSync(manifestPath)) return
  const manifest = parseManifest(await readFile(manifestPath, 'utf8'), createHash('sha256'))
  const known = new Map<string, { sha256: string; size: number }>([...merged, ...hashed.map((file) => [file.path, file] as const)])
  const labelFile = { sha256: createHash('sha256').update(label).digest('hex'), size: Buffer.byteLength(label) }
  const files = manifest.files.map((file): ManifestFile => {
    if (typeof file.path !== 'string') return file
    const path = pathOfIncremental(file.path) ?? file.path
    const found = path === 'backup_label' ? labelFile : path === file.path ? undefined : known.get(path)
    return found === undefined ? file : { ...file, path, sizeBytes: found.size, checksum: { algorithm: 'SHA256', hex: found.sha256 } }
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
