// Reads pg_control of a data directory, again if it was being rewritten.
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { CONTROL_FILE_PATH, CONTROL_FILE_SIZE_BYTES, type ControlFile, decodeControlFile } from '#lib/postgres/control.ts'
import { problem } from '#lib/domain/problem.ts'
import { pathProblem } from './system-problem.ts'

const TRIES = 10
const PAUSE_MS = 30

export async function readControlFile(dataDirectory: string): Promise<ControlFile> {
  const path = join(dataDirectory, CONTROL_FILE_PATH)
  for (let tries = 1; ; tries += 1) {
    const file = await open(path, 'r').catch((error: unknown) => {
      throw pathProblem('read-failed', path, error)
    })
    const bytes = Buffer.alloc(CONTROL_FILE_SIZE_BYTES)
    let length: number
    try {
      length = (await file.read(bytes, 0, bytes.length, 0)).bytesRead
    } finally {
      await file.close()
    }
    const decoded = decodeControlFile(bytes.subarray(0, length))
    if (decoded.ok) return decoded.control
    if (decoded.reason !== 'checksum' || tries === TRIES) throw problem('read-failed', `Cannot use ${path}: ${decoded.message}`)
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
}
