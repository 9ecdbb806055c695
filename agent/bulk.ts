// The `bulk` door: one file after another. `get` a volume, `put` a file a restore needs, `wal` an archived file, `object` and `store` what lies on a storage device.
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import { BulkRequest, type BulkHeader } from '#lib/protocol/bulk.ts'
import { type ByteReader, byteReader } from './byte-reader.ts'
import { usedMark } from './folder.ts'
import { readState } from './run-state.ts'
import { isFound, sizeIfThere } from './inspect.ts'
import { sendWal } from './send-wal.ts'
import { receiveObject, sendObject } from './stored-objects.ts'
import { asProblem, pathProblem } from './system-problem.ts'

const CHUNK_BYTES = 1 << 18

/** Writes to stdout and waits when the other side is slow. */
export async function write(bytes: Uint8Array | string): Promise<void> {
  if (process.stdout.write(bytes)) return
  await new Promise<void>((resolve) => process.stdout.once('drain', resolve))
}
const say = (header: BulkHeader): Promise<void> => write(`${JSON.stringify(header)}\n`)

async function get({ runId, name, offset }: Extract<BulkRequest, { op: 'get' }>): Promise<void> {
  const { spool } = await readState(runId)
  const path = join(spool, name)
  const sizeBytes = await sizeIfThere(path)
  if (sizeBytes === null) throw problem('not-found', `The spool holds no ${name}`, { hint: 'It was confirmed already, or the run was released.' })
  if (offset > sizeBytes) throw problem('invalid-input', `${name} has ${sizeBytes} bytes, asked for from ${offset}`)
  await say({ sizeBytes, offset })
  if (offset < sizeBytes) for await (const chunk of createReadStream(path, { start: offset, highWaterMark: CHUNK_BYTES })) await write(chunk as Buffer)
}

async function hashFile(path: string, hash: Hash): Promise<void> {
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
}

/** Bytes go on where an earlier push stopped; the file gets its name only when all of it is there and right. */
async function put({ runId, name, sizeBytes, sha256 }: Extract<BulkRequest, { op: 'put' }>, read: ByteReader): Promise<void> {
  const { spool } = await readState(runId)
  const path = join(spool, name)
  const partial = `${path}.part`
  if ((await isFound(path)) || (await isFound(usedMark(spool, name)))) {
    await say({ sizeBytes, offset: sizeBytes })
    await say({ done: true, sha256 })
    return
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const hash = createHash('sha256')
  const file = await open(partial, 'a', 0o600).catch((error: unknown) => {
    throw pathProblem('write-failed', partial, error)
  })
  try {
    let offset = (await file.stat()).size
    if (offset > sizeBytes) {
      await file.truncate(0)
      offset = 0
    }
    if (offset > 0) await hashFile(partial, hash)
    await say({ sizeBytes, offset })
    for await (const bytes of read.bytes(sizeBytes - offset)) {
      await file.appendFile(bytes).catch((error: unknown) => {
        throw pathProblem('write-failed', partial, error)
      })
      hash.update(bytes)
      offset += bytes.length
    }
    if (offset < sizeBytes) throw problem('no-data', `${name} stopped at ${offset} of ${sizeBytes} bytes`, { hint: 'Push it again: it goes on where it stopped.' })
    const found = hash.digest('hex')
    if (found !== sha256) {
      await file.truncate(0)
      throw problem('storage-corrupt', `What arrived of ${name} is not what was stored`, { detail: `Expected sha256 ${sha256}, received ${found}.` })
    }
  } finally {
    await file.close()
  }
  await rename(partial, path)
  await say({ done: true, sha256 })
}

/** True = the channel is as it was before and takes the next request. */
async function carryOut(request: BulkRequest, read: ByteReader): Promise<boolean> {
  switch (request.op) {
    case 'get':
      await get(request)
      return true
    case 'put':
      await put(request, read)
      return true
    case 'wal':
      await sendWal(request, say, write)
      return true
    case 'object':
      await sendObject(request, say, write)
      return false
    case 'store':
      await receiveObject(request, read, say)
      return false
    default:
      return request satisfies never
  }
}

export async function bulk(): Promise<void> {
  process.stdout.on('error', () => process.exit()) // the console hung up; it will ask again from where it stopped
  const read = byteReader(process.stdin)
  try {
    for (let line = await read.line(); line !== null; line = await read.line()) {
      if (!(await carryOut(BulkRequest.parse(JSON.parse(line)), read))) break
    }
  } catch (error) {
    // What follows may be the rest of what failed: the channel ends with it.
    await say({ problem: asProblem(error) })
  }
  // process.exit would cut off what stdout still holds.
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
}
