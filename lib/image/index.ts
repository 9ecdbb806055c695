// index.json.zst: which frames of which volume hold a file. JSON lines in zstd frames, so that it is written and read without holding it whole.
import * as z from 'zod'
import { compressFrame, decompressFrame, frameSplitter } from './frames.ts'

export const INDEX_FORMAT = 1
const INDEX_LEVEL = 3
const LINES_PER_FRAME_BYTES = 256 * 1024

const Count = z.int().nonnegative()

/** `size` raw bytes of the file begin `skip` raw bytes into the frame at [offset, offset + length) of volume number `volume`. */
export const Piece = z.object({ volume: z.int().positive(), offset: Count, length: z.int().positive(), skip: Count, size: z.int().positive() })
export type Piece = z.infer<typeof Piece>

export const IndexEntry = z.object({
  stripe: z.string(),
  /** Path below the data directory (or CONFIG_TOP and an absolute path), as text; `pathBase64` instead where it is no UTF-8. */
  path: z.string().optional(),
  pathBase64: z.base64().optional(),
  type: z.enum(['file', 'dir', 'symlink']),
  mode: z.int(),
  uid: z.int(),
  gid: z.int(),
  user: z.string(),
  group: z.string(),
  /** Seconds since 1970. */
  mtime: z.int(),
  size: Count,
  /** Of the content; files only. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/).optional(),
  /** Of the content of a file that is longer than PRINTS_FROM_BYTES: what `printsProver` holds it against. */
  prints: z.base64().optional(),
  /** Where a symbolic link points to; of a directory pg_tblspc/<oid>: where the tablespace lay on the host. */
  link: z.string().optional(),
  /** Of a file of a relation: tells it from another one of the same name, so that a later image knows whether it may store changes only. */
  identity: z.string().optional(),
  /** Of a file of a relation that had rested before it was listed: as long as the host shows the same, nobody has written to the file since. */
  rest: z.string().optional(),
  pieces: z.array(Piece),
})
export type IndexEntry = z.infer<typeof IndexEntry>

const isText = (value: unknown): boolean => typeof value === 'string'
const isInt = (value: unknown): boolean => Number.isSafeInteger(value)
const BASE64 = /^(?:[0-9A-Za-z+/]{4})*(?:[0-9A-Za-z+/]{2}==|[0-9A-Za-z+/]{3}=)?$/
const isBase64 = (value: unknown): boolean => typeof value === 'string' && BASE64.test(value)
const isAtLeast = (least: number) => (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= least
/** True where every field passes its check and no required one is missing; unknown fields and doubtful ones are for the schema to judge. */
function passes(value: unknown, checks: ReadonlyMap<string, (value: unknown) => boolean>, required: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false
  for (const name in value) if (checks.get(name)?.((value as Record<string, unknown>)[name]) !== true) return false
  return required.every((name) => Object.hasOwn(value, name))
}
const pieceFields = { volume: isAtLeast(1), offset: isAtLeast(0), length: isAtLeast(1), skip: isAtLeast(0), size: isAtLeast(1) } satisfies Record<keyof Piece, unknown>
const pieceChecks = new Map(Object.entries(pieceFields))
const pieceRequired = Object.keys(pieceFields)
const entryChecks = new Map(Object.entries({
  stripe: isText, path: isText, type: (value) => value === 'file' || value === 'dir' || value === 'symlink', mode: isInt, uid: isInt, gid: isInt, user: isText, group: isText, mtime: isInt, size: isAtLeast(0),
  sha256: (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value), prints: isBase64, link: isText, identity: isText, rest: isText,
  pieces: (value) => Array.isArray(value) && value.every((piece) => passes(piece, pieceChecks, pieceRequired)),
} satisfies Partial<Record<keyof IndexEntry, (value: unknown) => boolean>>))
const entryRequired = ['stripe', 'type', 'mode', 'uid', 'gid', 'user', 'group', 'mtime', 'size', 'pieces'] as const satisfies readonly (keyof IndexEntry)[]

/** As the schema parses it, four times as fast for what is as it should be: an index has a line for every file of a cluster, and a restore waits for it. */
export const entryOf = (value: unknown): IndexEntry => (passes(value, entryChecks, entryRequired) ? (value as IndexEntry) : IndexEntry.parse(value))

const Header = z.object({ howdahIndex: z.literal(INDEX_FORMAT) })

/** Path as text for people and messages; bytes that are no UTF-8 show as replacement characters. */
export const entryName = (entry: Pick<IndexEntry, 'path' | 'pathBase64'>): string => entry.path ?? Buffer.from(entry.pathBase64 ?? '', 'base64').toString()
export const entryPathBytes = (entry: Pick<IndexEntry, 'path' | 'pathBase64'>): Buffer => (entry.path === undefined ? Buffer.from(entry.pathBase64 ?? '', 'base64') : Buffer.from(entry.path))

/** The frame that every index begins with. */
export const indexHead = (): Buffer => compressFrame(Buffer.from(`${JSON.stringify({ howdahIndex: INDEX_FORMAT })}\n`), INDEX_LEVEL)

/** Collects entries into zstd frames; parts of several writers may simply follow each other behind one `indexHead`. */
export function indexWriter(append: (frame: Buffer) => void): { add(entry: IndexEntry): void; end(): void } {
  let lines: string[] = []
  let bytes = 0
  const flush = () => {
    if (lines.length > 0) append(compressFrame(Buffer.from(lines.join('')), INDEX_LEVEL))
    lines = []
    bytes = 0
  }
  return {
    add(entry) {
      const line = `${JSON.stringify(entry)}\n`
      lines.push(line)
      bytes += line.length
      if (bytes >= LINES_PER_FRAME_BYTES) flush()
    },
    end: flush,
  }
}

/** Chunks of index.json.zst in, entries out in the order of their stripe's tar stream. Throws RangeError with the byte where the damaged frame begins. `stripe` skips the others cheaply; `hasHead` false reads one writer's part. */
export function indexReader({ stripe, hasHead = true }: { stripe?: string; hasHead?: boolean } = {}): { push(chunk: Uint8Array): Generator<IndexEntry>; end(): void } {
  const frames = frameSplitter()
  let at = 0
  const damaged = (cause: unknown) => new RangeError(`The index is damaged in its frame at byte ${at}: ${cause instanceof z.ZodError ? cause.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') : cause instanceof Error ? cause.message : String(cause)}`, { cause })
  const wanted = stripe === undefined ? '{' : `{"stripe":${JSON.stringify(stripe)},`
  let isFirst = hasHead

  const entriesOf = (frame: Buffer): IndexEntry[] => {
    const entries: IndexEntry[] = []
    const text = decompressFrame(frame).toString()
    if (!text.endsWith('\n')) throw new RangeError('It does not end with a line.')
    for (const line of text.slice(0, -1).split('\n')) {
      if (isFirst) {
        Header.parse(JSON.parse(line))
        isFirst = false
      } else if (line.startsWith(wanted)) entries.push(entryOf(JSON.parse(line)))
      else if (!line.startsWith('{"stripe":')) throw new RangeError('A line of it is none of an index.')
    }
    return entries
  }
  /** Entries of one frame after another. */
  function* read(chunk: Uint8Array): Generator<IndexEntry[]> {
    const whole = frames.push(chunk)
    for (;;) {
      let entries: IndexEntry[]
      try {
        const next = whole.next()
        if (next.done === true) return
        entries = entriesOf(next.value)
        at += next.value.length
      } catch (error) {
        throw damaged(error)
      }
      yield entries
    }
  }
  return {
    *push(chunk) {
      for (const entries of read(chunk)) yield* entries
    },
    end() {
      try {
        frames.end()
      } catch (error) {
        throw damaged(error)
      }
      if (isFirst) throw new RangeError('The index has no header.')
    },
  }
}

/** A whole index at once, for images small enough. */
export function parseIndex(bytes: Uint8Array): IndexEntry[] {
  const reader = indexReader()
  const entries = [...reader.push(bytes)]
  reader.end()
  return entries
}
