/** Whole small objects in and out of a storage: documents of a few kilobytes to a few megabytes. */
import { createHash } from 'node:crypto'
import { problem } from '#lib/domain/problem.ts'
import type { Storage } from './storage.ts'

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Writes an object in one go, durable when it returns. */
export async function putObject(storage: Storage, key: string, content: Uint8Array | string): Promise<{ sha256: string; sizeBytes: number }> {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content
  const expected = { sha256: sha256Of(bytes), sizeBytes: bytes.length }
  const upload = await storage.openUpload(key, { sizeBytes: bytes.length, resume: false })
  try {
    await upload.write(bytes)
    await upload.commit(expected)
  } catch (error) {
    await upload.abort()
    throw error
  }
  return expected
}

/** Reads an object whole; refuses more than `maxBytes`, which no document of ours reaches. */
export async function getObject(storage: Pick<Storage, 'read'>, key: string, maxBytes = 256 << 20): Promise<Buffer> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of await storage.read(key)) {
    const bytes = Buffer.from(chunk as Uint8Array)
    sizeBytes += bytes.length
    if (sizeBytes > maxBytes) throw problem('storage-corrupt', `${key} is larger than ${maxBytes} bytes`)
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}
