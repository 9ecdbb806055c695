/** The storage port: a place that keeps whole objects under keys, and the promises every implementation keeps. */
import type { Readable } from 'node:stream'
import { problem } from '#lib/domain/problem.ts'

export interface StoredObject { key: string; sizeBytes: number; modifiedAt: Date }

/** An object on its way in. Exactly one of `commit` and `abort` or `pause` ends it. */
export interface Upload {
  /** Bytes that an earlier, paused upload of this key left behind: go on writing from here. May be less than was written then: S3 keeps whole parts. */
  readonly offset: number
  /** Takes the next bytes; resolves when more may come. Throws no-space, write-failed or storage-unavailable. After no-space nothing of the upload is left. */
  write(chunk: Uint8Array): Promise<void>
  /** Makes the object visible, durable and whole, replacing an older one; throws storage-corrupt (and forgets the bytes) when length or digest differ. */
  commit(expected: { sha256: string; sizeBytes: number }): Promise<void>
  /** Stops and keeps the bytes, so that the next `openUpload` of this key goes on from them. */
  pause(): Promise<void>
  /** Stops and forgets the bytes. */
  abort(): Promise<void>
}

/** Infinity where nobody tells a limit: a bucket without a quota. */
export interface Space {
  /** What may still be written here, after keep-free and quota. */
  availableBytes: number
  freeBytes: number
  totalBytes: number
  /** Bytes of the objects kept here, unfinished ones included. */
  usedBytes: number
}

/**
 * What every kind of storage promises. All calls throw ProblemError: not-found for an absent key of `read`, storage-unavailable when the place is not there,
 * invalid-input for a key outside the grammar. Two writers of one key never mix their bytes into a visible object: the digest decides.
 */
export interface Storage {
  /** `sizeBytes`, when known, lets a full place refuse at once. `resume: false` begins anew and shares nothing with other uploads of the key. */
  openUpload(key: string, options?: { sizeBytes?: number; resume?: boolean }): Promise<Upload>
  /** The bytes of an object, or `[begin, end)` of them. */
  read(key: string, range?: { begin: number; end: number }): Promise<Readable>
  /** Null when there is no such object. Unfinished uploads are no objects. */
  stat(key: string): Promise<StoredObject | null>
  /** Objects whose key begins with `prefix` (a folder with its slash, or '' for all), in order of their keys. */
  list(prefix: string): Promise<StoredObject[]>
  /** Durable when it returns; false when there was none. Takes unfinished uploads of the key along. */
  remove(key: string): Promise<boolean>
  /** Removes what unfinished uploads below `prefix` left; their number. */
  sweep(prefix: string): Promise<number>
  space(): Promise<Space>
  /** Writes, reads back and removes a test object; throws the problem that a backup would meet. */
  testWrite(): Promise<void>
}

/** What is enough to restore from a place. */
export type ReadableStorage = Pick<Storage, 'read' | 'stat' | 'list'>

const KEY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}(?:\/[A-Za-z0-9][A-Za-z0-9._-]{0,199}){0,15}$/

/** Plain names joined by slashes; a name begins with a letter or digit, so neither '.', '..' nor an unfinished upload is a key. */
export const isKey = (key: string): boolean => KEY.test(key)

export function checkedKey(key: string): string {
  if (!isKey(key)) throw problem('invalid-input', `"${key}" is not a storage key`, { hint: 'Use names of letters, digits, dot, dash and underscore joined by slashes.' })
  return key
}
