/** Reads an image back from storage: every volume's digest, the index, every file's digest, and the WAL that belongs to it; remembers what was found. */
import { problem, ProblemError } from '#lib/domain/problem.ts'
import { findStoredImage, updateVerified } from '#lib/db/images.ts'
import type { StoredImage } from '#lib/db/images.ts'
import { listWalFiles } from '#lib/db/wal-files.ts'
import { decompressAll, decompressFrame } from '#lib/image/frames.ts'
import { parseImageJson } from '#lib/image/image-json.ts'
import type { ImageJson } from '#lib/image/image-json.ts'
import { contentProver } from '#lib/image/file-reader.ts'
import { entryName, parseIndex } from '#lib/image/index.ts'
import type { IndexEntry, Piece } from '#lib/image/index.ts'
import { IMAGE_FILE, parseVolumeName, plainName } from '#lib/image/layout.ts'
import { lsn } from '#lib/postgres/lsn.ts'
import { segmentsBetween } from '#lib/postgres/wal.ts'
import { getObject, sha256Of } from '#lib/storage/objects.ts'
import type { Storage } from '#lib/storage/storage.ts'
import { identitiesOf, opened } from './encryption.ts'
import type { Handler } from './run-loop.ts'
import type { RunContext } from './run-context.ts'

const corrupt = (what: string, detail: string) => problem('storage-corrupt', `${what} is damaged in storage`, { detail })

export const verify: Handler<'verify'> = async context => {
  const { parts, input } = context
  await context.phase('verify')
  const row = await findStoredImage(parts.db, input.imageId)
  if (row === null) throw problem('not-found', 'The image is no longer in the catalog')
  await context.emit([], { imageId: row.id, totalBytes: row.storedBytes })
  try {
    const found = await verifyImage(context, row)
    await updateVerified(parts.db, row.id, new Date(), null)
    await context.say(`${found.files} files in ${found.volumes} volumes and ${found.walFiles} WAL files read back as they were written`)
    return found
  } catch (error) {
    // Only what is wrong with the image is remembered about it, not that storage was away.
    if (error instanceof ProblemError && (error.problem.code === 'storage-corrupt' || error.problem.code === 'not-found' || error.problem.code === 'wal-gap'))
      await updateVerified(parts.db, row.id, new Date(), [error.problem.message, error.problem.detail].filter(Boolean).join(' '))
    throw error
  }
}

async function verifyImage(context: RunContext<'verify'>, row: StoredImage): Promise<{ volumes: number; files: number; walFiles: number; storedBytes: number }> {
  const storage = await context.parts.storage(row.storageId)
  const image = parseImageJson((await getObject(storage, `${row.path}/${IMAGE_FILE}`)).toString('utf8'))
  if (image.id !== row.id) throw corrupt(IMAGE_FILE, `It says it is image ${image.id}.`)
  let files = 0
  let storedBytes = 0
  const advance = async (bytes: number): Promise<void> => {
    storedBytes += bytes
    context.check()
    await context.emit([{ body: { kind: 'progress', phase: 'verify', doneBytes: storedBytes, totalBytes: Math.max(row.storedBytes, storedBytes), files }, at: new Date() }], { doneBytes: storedBytes, totalBytes: Math.max(row.storedBytes, storedBytes) })
  }
  if (image.index !== null) {
    const identities = await identitiesOf(context.parts, [row.encryptionKeyId])
    const bytes = await wholeObject(storage, row.path, image.index)
    await advance(bytes.length)
    const entries = indexEntries(image, opened(bytes, image.index.name, identities))
    for (const stripe of new Set(image.volumes.map(volume => parseVolumeName(volume.name)?.stripe ?? ''))) {
      files += await verifyStripe({ storage, row, image, identities, stripe, entries: entries.filter(entry => entry.stripe === stripe), advance })
    }
  }
  return { volumes: image.volumes.length, files, walFiles: await verifyWal(context, row, image), storedBytes }
}

function indexEntries(image: ImageJson, bytes: Buffer): IndexEntry[] {
  try {
    return parseIndex(bytes)
  } catch (cause) {
    throw problem('storage-corrupt', `The index of the image cannot be read`, { detail: cause instanceof Error ? cause.message : String(cause), cause })
  }
}

/** An object whose length and digest are as image.json says. */
async function wholeObject(storage: Storage, path: string, file: { name: string; sizeBytes: number; sha256: string }): Promise<Buffer> {
  const bytes = await getObject(storage, `${path}/${file.name}`, 2 ** 31)
  if (bytes.length !== file.sizeBytes) throw corrupt(file.name, `It has ${bytes.length} bytes instead of ${file.sizeBytes}.`)
  const sha256 = sha256Of(bytes)
  if (sha256 !== file.sha256) throw corrupt(file.name, `Its sha256 is ${sha256} instead of ${file.sha256}.`)
  return bytes
}

/** Volumes of a stripe in order with the files that lie in them: each volume is read once and held only as long as a file begins or goes on in it. */
async function verifyStripe({ storage, row, image, identities, stripe, entries, advance }: { storage: Storage; row: StoredImage; image: ImageJson; identities: readonly string[]; stripe: string; entries: readonly IndexEntry[]; advance: (bytes: number) => Promise<void> }): Promise<number> {
  const volumes = new Map(image.volumes.flatMap(volume => {
    const name = parseVolumeName(volume.name)
    return name?.stripe === stripe ? [[name.number, { ...volume, isCompressed: name.isCompressed }] as const] : []
  }))
  const unread = new Set(volumes.keys())
  let held: { number: number; bytes: Buffer } | undefined
  let frame: { at: string; raw: Buffer } | undefined
  const load = async (number: number): Promise<Buffer> => {
    if (held?.number === number) return held.bytes
    const volume = volumes.get(number)
    if (volume === undefined) throw corrupt('The index', `It leads to volume ${number} of ${stripe}, which the image does not have.`)
    const bytes = await wholeObject(storage, row.path, volume)
    if (unread.delete(number)) await advance(bytes.length)
    held = { number, bytes: opened(bytes, volume.name, identities) }
    frame = undefined
    return held.bytes
  }
  const content = async (piece: Piece): Promise<Buffer> => {
    const stored = (await load(piece.volume)).subarray(piece.offset, piece.offset + piece.length)
    if (volumes.get(piece.volume)?.isCompressed !== true) return stored.subarray(piece.skip, piece.skip + piece.size)
    const at = `${piece.volume}:${piece.offset}`
    if (frame?.at !== at) frame = { at, raw: decompressFrame(stored) }
    return frame.raw.subarray(piece.skip, piece.skip + piece.size)
  }
  let files = 0
  for (const entry of entries) {
    if (entry.type !== 'file') continue
    // By its sha256, and by what a restore will hold it against.
    const provers = [contentProver({ sha256: entry.sha256, size: entry.size }), ...(entry.prints === undefined ? [] : [contentProver(entry)])]
    let size = 0
    for (const piece of entry.pieces) {
      const bytes = await content(piece)
      for (const prover of provers) prover.add(bytes)
      size += bytes.length
    }
    for (const prover of provers) prover.end()
    if (!provers.every(({ isSame }) => isSame)) throw corrupt(entryName(entry), `Its content is not what was backed up (${size} of ${entry.size} bytes).`)
    files++
  }
  for (const number of unread) await load(number)
  return files
}

/** Segments that make a full consistent, or that an incremental stands for: all there, stored and raw digests right. */
async function verifyWal(context: RunContext<'verify'>, row: StoredImage, image: ImageJson): Promise<number> {
  if (image.wal === null) return 0
  const names = segmentsBetween(row.timeline, lsn(row.beginLsn), lsn(row.endLsn), row.segmentSizeBytes)
  const stored = await listWalFiles(context.parts.db, row.sourceId, names)
  const identities = await identitiesOf(context.parts, [...stored.values()].map(file => file.encryptionKeyId))
  for (const name of names) {
    context.check()
    const file = stored.get(name)
    if (file === undefined) throw problem('wal-gap', `WAL segment ${name} of the image is not stored`)
    const storage = await context.parts.storage(file.storageId)
    const bytes = await getObject(storage, file.path)
    if (sha256Of(bytes) !== file.sha256) throw corrupt(file.path, `Its sha256 is not ${file.sha256}.`)
    const plain = opened(bytes, file.path, identities)
    const raw = plainName(file.path).endsWith('.zst') ? decompressAll(plain) : plain
    if (sha256Of(raw) !== file.rawSha256) throw corrupt(file.path, 'Its content is not the segment that was archived.')
  }
  return names.length
}
