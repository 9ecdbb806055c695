// Reading and writing around the page cache, where the file system can: descriptors, and memory as they want it.
import { constants, openSync } from 'node:fs'
import { hasCode } from './system-problem.ts'

/** Bytes that positions and lengths are multiples of, but at the end of a file: every file system that goes around the cache is content with it. */
export const ALIGNMENT = 4096
const WASM_PAGE_BYTES = 65_536

/** `count` buffers of `bytes`, a multiple of 64 KiB, that begin at pages of memory. */
export function alignedBuffers(count: number, bytes: number): Buffer[] {
  const pages = (count * bytes) / WASM_PAGE_BYTES
  const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages })
  return Array.from({ length: count }, (_, number) => Buffer.from(buffer, number * bytes, bytes))
}

/** null = the file system of the path does not open a file so; one that opens it may still refuse to read or write with EINVAL. */
export function openAround(path: string | Buffer, access: 'read' | 'write'): number | null {
  try {
    return openSync(path, (access === 'read' ? constants.O_RDONLY : constants.O_WRONLY) | constants.O_DIRECT)
  } catch (error) {
    if (isRefused(error)) return null
    throw error
  }
}

/** True for what a file system says that cannot go around the cache. */
export const isRefused = (error: unknown): boolean => hasCode(error, 'EINVAL')
