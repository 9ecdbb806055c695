// Objects in a directory of this host that the console uses as a storage device: the storage on a disk, behind the protocol.
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { problem } from '#lib/domain/problem.ts'
import { type BulkHeader, type BulkRequest, type ObjectPlace, StoreEnd } from '#lib/protocol/bulk.ts'
import type { Params, Result } from '#lib/protocol/methods.ts'
import { diskStorage } from '#lib/storage/disk.ts'
import type { Storage, StoredObject, Upload } from '#lib/storage/storage.ts'
import type { ByteReader } from './byte-reader.ts'
import { usedMark } from './folder.ts'
import { readState } from './run-state.ts'
import { isFound } from './inspect.ts'
import { hasCode, pathProblem } from './system-problem.ts'

const CHUNK_BYTES = 1 << 18
/** More than the console ever sends at once. */
const MAX_FRAME_BYTES = 1 << 26

const open = new Map<string, Storage>()

/** One for each place, so that what it counted is kept. */
function storageAt(place: ObjectPlace): Storage {
  const key = JSON.stringify(place)
  const known = open.get(key)
  if (known !== undefined) return known
  const made = diskStorage(place)
  open.set(key, made)
  return made
}

const told = ({ key, sizeBytes, modifiedAt }: StoredObject) => ({ key, sizeBytes, modifiedAt: modifiedAt.toISOString() })

export async function statObject({ place, key }: Params<'storage.stat'>): Promise<Result<'storage.stat'>> {
  const found = await storageAt(place).stat(key)
  return { object: found === null ? null : told(found) }
}

export async function listObjects({ place, prefix, after, limit }: Params<'storage.list'>): Promise<Result<'storage.list'>> {
  const found = (await storageAt(place).list(prefix)).filter(({ key }) => key > after)
  return { objects: found.toSorted((a, b) => (a.key < b.key ? -1 : 1)).slice(0, limit).map(told) }
}

export const removeObject = async ({ place, key }: Params<'storage.remove'>): Promise<Result<'storage.remove'>> => ({ removed: await storageAt(place).remove(key) })
export const sweepObjects = async ({ place, prefix }: Params<'storage.sweep'>): Promise<Result<'storage.sweep'>> => ({ removed: await storageAt(place).sweep(prefix) })
/** Counted anew: other processes of the agent write here, too. */
export const objectSpace = ({ place }: Params<'storage.space'>): Promise<Result<'storage.space'>> => diskStorage(place).space()

export async function testPlace({ place }: Params<'storage.test'>): Promise<Result<'storage.test'>> {
  await storageAt(place).testWrite()
  return {}
}

export async function takeFromSpool({ place, key, runId, name, sizeBytes, sha256 }: Params<'storage.take'>): Promise<Result<'storage.take'>> {
  const storage = storageAt(place)
  if ((await storage.stat(key))?.sizeBytes === sizeBytes) return {}
  const { spool } = await readState(runId)
  const upload = await storage.openUpload(key, { sizeBytes, resume: false })
  try {
    for await (const chunk of createReadStream(join(spool, name), { highWaterMark: CHUNK_BYTES })) await upload.write(chunk as Buffer)
    await upload.commit({ sha256, sizeBytes })
  } catch (error) {
    await upload.abort()
    throw hasCode(error, 'ENOENT') ? problem('not-found', `The spool holds no ${name}`, { hint: 'It was confirmed already, or the run was released.' }) : error
  }
  return {}
}

export async function giveToSpool({ place, key, runId, name, sizeBytes, sha256 }: Params<'storage.give'>): Promise<Result<'storage.give'>> {
  const { spool } = await readState(runId)
  const path = join(spool, name)
  if ((await isFound(path)) || (await isFound(usedMark(spool, name)))) return {}
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const partial = `${path}.part`
  const hash = createHash('sha256')
  let copied = 0
  await pipeline(await storageAt(place).read(key), async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      hash.update(chunk)
      copied += chunk.length
      yield chunk
    }
  }, createWriteStream(partial, { mode: 0o600 })).catch((error: unknown) => {
    throw hasCode(error, 'ENOSPC', 'EDQUOT', 'EACCES', 'EROFS') ? pathProblem('write-failed', partial, error) : error
  })
  const found = hash.digest('hex')
  if (found !== sha256 || copied !== sizeBytes) throw problem('storage-corrupt', `${key} is not what was stored`, { detail: `Expected ${sizeBytes} bytes with sha256 ${sha256}, read ${copied} with ${found}.`, hint: 'Verify the image; choose another one.' })
  await rename(partial, path)
  return {}
}

type Say = (header: BulkHeader) => Promise<void>

/** The bulk operation `object`. */
export async function sendObject({ place, key, begin, end }: Extract<BulkRequest, { op: 'object' }>, say: Say, write: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  const storage = storageAt(place)
  const found = await storage.stat(key)
  if (found === null) throw problem('not-found', `${key} is not in storage`, { hint: 'Verify the image; it may have been removed by hand.' })
  const last = Math.max(begin, Math.min(end ?? found.sizeBytes, found.sizeBytes))
  const body = await storage.read(key, { begin, end: last })
  await say({ sizeBytes: last, offset: begin })
  for await (const chunk of body) await write(chunk as Buffer)
}

/** The bulk operation `store`: what is cut off keeps its bytes for the next try. */
export async function receiveObject({ place, key, sizeBytes, resume }: Extract<BulkRequest, { op: 'store' }>, read: ByteReader, say: Say): Promise<void> {
  const upload = await storageAt(place).openUpload(key, { resume, ...(sizeBytes === undefined ? {} : { sizeBytes }) })
  try {
    await say({ sizeBytes: sizeBytes ?? upload.offset, offset: upload.offset })
    for (let length = await read.number(); length !== 0; length = await read.number()) {
      if (length === null) return await upload.pause()
      if (length > MAX_FRAME_BYTES) throw problem('invalid-input', `A frame of ${length} bytes is more than any that the console sends`)
      for await (const piece of read.bytes(length)) await upload.write(piece)
    }
    const line = await read.line()
    if (line === null) return await upload.pause()
    await say({ done: true, sha256: await ended(upload, StoreEnd.parse(JSON.parse(line))) })
  } catch (error) {
    await upload.pause()
    throw error
  }
}

async function ended(upload: Upload, end: StoreEnd): Promise<string> {
  if (end.end === 'commit') {
    await upload.commit(end)
    return end.sha256
  }
  await upload[end.end]()
  return ''
}
