// The `bulk` door: one file per connection. `get` a volume, `put` a file a restore needs, `wal` an archived file, `object` and `store` what lies on a storage device.
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import { BulkRequest, type BulkHeader } from '#lib/protocol/bulk.ts'
import { readState, usedMark } from './folder.ts'
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

/** stdin as its first line and then whatever bytes follow. */
async function readRequest(): Promise<{ line: string; rest: AsyncIterable<Buffer> }> {
  const chunks = process.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let held: Buffer = Buffer.alloc(0)
  for (;;) {
    const end = held.indexOf(10)
    if (end !== -1) {
      const rest = held.subarray(end + 1)
      return {
        line: held.toString('utf8', 0, end),
        rest: (async function* () {
          if (rest.length > 0) yield rest
          for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value
        })(),
      }
    }
    const next = await chunks.next()
    if (next.done === true) throw problem('invalid-input', 'The bulk channel ended before its request')
    held = Buffer.concat([held, next.value])
  }
}

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
async function put({ runId, name, sizeBytes, sha256 }: Extract<BulkRequest, { op: 'put' }>, rest: AsyncIterable<Buffer>): Promise<void> {
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
    if (offset < sizeBytes) for await (const chunk of rest) {
      const bytes = chunk.subarray(0, sizeBytes - offset)
      await file.appendFile(bytes).catch((error: unknown) => {
        throw pathProblem('write-failed', partial, error)
      })
      hash.update(bytes)
      offset += bytes.length
      if (offset === sizeBytes) break
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

export async function bulk(): Promise<void> {
  process.stdout.on('error', () => process.exit()) // the console hung up; it will ask again from where it stopped
  try {
    const { line, rest } = await readRequest()
    const request = BulkRequest.parse(JSON.parse(line))
    if (request.op === 'get') await get(request)
    else if (request.op === 'put') await put(request, rest)
    else if (request.op === 'wal') await sendWal(request, say, write)
    else if (request.op === 'object') await sendObject(request, say, write)
    else await receiveObject(request, rest, say)
  } catch (error) {
    await say({ problem: asProblem(error) })
  }
  // process.exit would cut off what stdout still holds.
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
}
