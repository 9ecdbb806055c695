/** What `agent bulk` is asked and answers: one transfer of bytes after another. Apart from the methods, because a program that moves one file should not build them all. */
import * as z from 'zod'
import { AbsolutePath } from '#lib/domain/absolute-path.ts'
import { Recipient } from '#lib/domain/encryption.ts'
import { FileName } from '#lib/domain/event.ts'
import { Problem } from '#lib/domain/problem-shape.ts'

const Bytes = z.int().nonnegative()
export const RunId = z.uuid()
export const WalName = z.string().regex(/^[0-9A-F]{8}([0-9A-F]{16})?(\.[A-Za-z0-9.]+)?$/)

/** A directory of the host that the console uses as a storage device. */
export const ObjectPlace = z.strictObject({ root: AbsolutePath, keepFreeBytes: Bytes, quotaBytes: Bytes.nullable() })
export type ObjectPlace = z.infer<typeof ObjectPlace>
export const ObjectKey = z.string().min(1).max(3500)

/** A line on the stdin of `agent bulk`; then raw bytes flow: of `get` and `wal` on stdout after one line `BulkHeader`, of `put` exactly those that are missing on stdin, answered by one line. The next request may follow then; after `object`, `store` or a problem the channel ends. */
export const BulkRequest = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('get'), runId: RunId, name: FileName, offset: Bytes }),
  z.strictObject({ op: z.literal('put'), runId: RunId, name: FileName, offset: Bytes, sizeBytes: Bytes, sha256: z.string() }),
  /** A file of the archive directory, compressed on the host at `level` (null = as it is) and encrypted for `recipient` if there is one; only a complete one. */
  z.strictObject({ op: z.literal('wal'), archiveDirectory: AbsolutePath, name: WalName, segmentSizeBytes: z.int(), level: z.int().min(1).max(19).nullable(), recipient: Recipient.optional() }),
  /** Bytes [begin, end) of an object; `end` absent = to its end. */
  z.strictObject({ op: z.literal('object'), place: ObjectPlace, key: ObjectKey, begin: Bytes, end: Bytes.optional() }),
  /** An object on its way in: frames of 4 bytes length (big endian) and bytes; a frame of length 0 is followed by one line `StoreEnd`. Without it the bytes are kept for the next try. */
  z.strictObject({ op: z.literal('store'), place: ObjectPlace, key: ObjectKey, sizeBytes: Bytes.optional(), resume: z.boolean() }),
])
export type BulkRequest = z.infer<typeof BulkRequest>

export const StoreEnd = z.discriminatedUnion('end', [z.strictObject({ end: z.literal('commit'), sha256: z.string(), sizeBytes: Bytes }), z.strictObject({ end: z.literal('pause') }), z.strictObject({ end: z.literal('abort') })])
export type StoreEnd = z.infer<typeof StoreEnd>

/** `store` is answered first with the bytes kept of an earlier try (`offset`), then, after `StoreEnd`, with `done`. `put` is answered first with the bytes already there (`offset`), then, when all arrived, with `done`. `wal` closes with a trailer line after `sizeBytes` bytes: not needed, since the header already holds both digests. `lastCommitAt` of `wal`: the newest end of a transaction in it, absent where there is none. */
export const BulkHeader = z.union([
  z.object({ sizeBytes: Bytes, offset: Bytes, sha256: z.string().optional(), rawSizeBytes: Bytes.optional(), rawSha256: z.string().optional(), modifiedAt: z.string().optional(), lastCommitAt: z.iso.datetime().optional() }),
  z.object({ problem: Problem }),
  z.object({ done: z.literal(true), sha256: z.string() }),
])
export type BulkHeader = z.infer<typeof BulkHeader>
