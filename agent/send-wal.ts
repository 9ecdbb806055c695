// Sends one archived WAL file, compressed on the host, with both digests in front; never one that is still being copied.
import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import { ageSealer } from '#lib/image/age.ts'
import { makeHeader } from '#lib/image/age-header.ts'
import { compressFrame } from '#lib/image/frames.ts'
import { newestEnd } from '#lib/postgres/wal-commits.ts'
import type { BulkHeader, BulkRequest } from '#lib/protocol/bulk.ts'
import { pathProblem } from './system-problem.ts'
import { archiveFile } from './wal-files.ts'

type WalRequest = Extract<BulkRequest, { op: 'wal' }>

/** One frame holds a whole ordinary segment; a larger one is cut, so that memory stays small. */
const FRAME_BYTES = 16 * 1024 * 1024
/** Up to this size the compressed bytes are kept between finding their size and sending them; beyond it they are made twice. Encrypted ones are always kept: no two encryptions are alike. */
const KEEP_BYTES = 64 * 1024 * 1024

async function* storedFrames({ file, path }: { file: FileHandle; path: string }, rawSize: number, level: number | null): AsyncGenerator<{ raw: Buffer; stored: Buffer }> {
  for (let position = 0; position < rawSize; ) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(Math.min(FRAME_BYTES, rawSize - position)), 0, Math.min(FRAME_BYTES, rawSize - position), position).catch((error: unknown) => {
      throw pathProblem('read-failed', path, error)
    })
    if (bytesRead === 0) throw problem('conflict', 'The WAL file became shorter while it was read', { hint: 'Something writes into the archive directory; it is fetched again later.' })
    const raw = buffer.subarray(0, bytesRead)
    yield { raw, stored: level === null ? raw : compressFrame(raw, level) }
    position += bytesRead
  }
}

export async function sendWal(request: WalRequest, say: (header: BulkHeader) => Promise<void>, write: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  const { archiveDirectory, name, segmentSizeBytes, level, recipient } = request
  const found = await archiveFile(archiveDirectory, name, segmentSizeBytes)
  if (found === null) throw problem('not-found', `${join(archiveDirectory, name)} is not there`, { hint: 'List the archive directory again.' })
  if (found.incomplete !== null) throw problem('conflict', `${name} is not complete: ${found.incomplete}`, { hint: 'It is still being copied into the archive directory, or belongs to another cluster.' })
  const path = join(archiveDirectory, name)
  const file = await open(path, 'r').catch((error: unknown) => {
    throw pathProblem('read-failed', path, error)
  })
  try {
    const before = await file.stat()
    const [rawHash, storedHash] = [createHash('sha256'), createHash('sha256')]
    const sealer = recipient === undefined ? null : ageSealer(makeHeader([recipient]))
    const kept: Buffer[] = []
    let sizeBytes = 0
    let newest: Date | null = null
    const take = (stored: Buffer) => {
      storedHash.update(stored)
      sizeBytes += stored.length
      if (before.size <= KEEP_BYTES || sealer !== null) kept.push(stored)
    }
    for await (const { raw, stored } of storedFrames({ file, path }, before.size, level)) {
      rawHash.update(raw)
      const ended = name.endsWith('.history') ? null : newestEnd(raw)
      if (ended !== null && (newest === null || ended > newest)) newest = ended
      for (const bytes of sealer?.push(stored) ?? [stored]) take(bytes)
    }
    for (const bytes of sealer?.end() ?? []) take(bytes)
    const after = await file.stat()
    if (after.mtimeMs !== before.mtimeMs || after.size !== before.size) throw problem('conflict', `${name} changed while it was read`, { hint: 'It is still being copied into the archive directory; it is fetched again later.' })
    await say({ sizeBytes, offset: 0, sha256: storedHash.digest('hex'), rawSizeBytes: before.size, rawSha256: rawHash.digest('hex'), modifiedAt: before.mtime.toISOString(), ...(newest === null ? {} : { lastCommitAt: newest.toISOString() }) })
    if (kept.length > 0) for (const stored of kept) await write(stored)
    else for await (const { stored } of storedFrames({ file, path }, before.size, level)) await write(stored)
  } finally {
    await file.close()
  }
}
