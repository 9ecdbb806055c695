// index.json.zst: which frames of which volume hold a file. JSON lines in zstd frames, so that it is written and read without holding it whole.
import { compressFrame, decompressFrame, frameSplitter } from './frames.ts'
import type { TarHeader } from './tar.ts'

export const INDEX_FORMAT = 1
const INDEX_LEVEL = 3
const LINES_PER_FRAME_BYTES = 256 * 1024

/** `size` raw bytes of the file begin `skip` raw bytes into the frame at [offset, offset + length) of volume number `volume`. */
export interface Piece {
  volume: number
  offset: number
  length: number
  skip: number
  size: number
}

/** What tar says of the file, its `size` in bytes and `mtime` in seconds since 1970, and where it lies. */
export interface IndexEntry extends Pick<TarHeader, 'type' | 'mode' | 'uid' | 'gid' | 'user' | 'group' | 'mtime' | 'size'> {
  stripe: string
  /** Path below the data directory (or CONFIG_TOP and an absolute path), as text; `pathBase64` instead where it is no UTF-8. */
  path?: string | undefined
  pathBase64?: string | undefined
  /** Of the content; files only. */
  sha256?: string | undefined
  /** Of the content of a file that is longer than PRINTS_FROM_BYTES: what `printsProver` holds it against. */
  prints?: string | undefined
  /** Where a symbolic link points to; of a directory pg_tblspc/<oid>: where the tablespace lay on the host. */
  link?: string | undefined
  /** Of a file of a relation: tells it from another one of the same name, so that a later image knows whether it may store changes only. */
  identity?: string | undefined
  /** Of a file of a relation that had rested before it was listed: as long as the host shows the same, nobody has written to the file since. */
  rest?: string | undefined
  pieces: Piece[]
}

type Check = (value: unknown) => boolean
const isText: Check = (value) => typeof value === 'string'
const isInt: Check = (value) => Number.isSafeInteger(value)
const BASE64 = /^(?:[0-9A-Za-z+/]{4})*(?:[0-9A-Za-z+/]{2}==|[0-9A-Za-z+/]{3}=)?$/
const isBase64: Check = (value) => typeof value === 'string' && BASE64.test(value)
const isAtLeast = (least: number): Check => (value) => Number.isSafeInteger(value) && (value as number) >= least
const isSha256: Check = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)

/** Names the first field that is missing or not what it should be; null = there is none. Fields that nobody knows are let be. */
function faultOf(value: unknown, checks: ReadonlyMap<string, Check>, required: readonly string[]): string | null {
  if (typeof value !== 'object' || value === null) return 'all of it'
  const fields = value as Record<string, unknown>
  for (const name in fields) if (fields[name] !== undefined && checks.get(name)?.(fields[name]) === false) return name
  return required.find((name) => fields[name] === undefined) ?? null
}
const pieceFields = { volume: isAtLeast(1), offset: isAtLeast(0), length: isAtLeast(1), skip: isAtLeast(0), size: isAtLeast(1) } satisfies Record<keyof Piece, Check>
const pieceChecks = new Map<string, Check>(Object.entries(pieceFields))
const pieceRequired = Object.keys(pieceFields)
const entryChecks = new Map<string, Check>(Object.entries({
  stripe: isText, path: isText, pathBase64: isBase64, type: (value) => value === 'file' || value === 'dir' || value === 'symlink', mode: isInt, uid: isInt, gid: isInt, user: isText, group: isText, mtime: isInt, size: isAtLeast(0),
  sha256: isSha256, prints: isBase64, link: isText, identity: isText, rest: isText, pieces: (value) => Array.isArray(value) && value.every((piece) => faultOf(piece, pieceChecks, pieceRequired) === null),
} satisfies Record<keyof IndexEntry, Check>))
const entryRequired = ['stripe', 'type', 'mode', 'uid', 'gid', 'user', 'group', 'mtime', 'size', 'pieces'] as const satisfies readonly (keyof IndexEntry)[]

/** By hand: an index has a line for every file of a cluster, and a restore waits for it. Throws RangeError with the field that is wrong. */
export function entryOf(value: unknown): IndexEntry {
  const fault = faultOf(value, entryChecks, entryRequired)
  if (fault !== null) throw new RangeError(`Of an entry, ${fault} is missing or none of an index.`)
  return value as IndexEntry
}

function proveHead(value: unknown): void {
  const format = typeof value === 'object' && value !== null && 'howdahIndex' in value ? value.howdahIndex : undefined
  if (format !== INDEX_FORMAT) throw new RangeError(`Its header says format ${String(format)}, not ${INDEX_FORMAT}.`)
}

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
  const damaged = (cause: unknown) => new RangeError(`The index is damaged in its frame at byte ${at}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  const wanted = stripe === undefined ? '{' : `{"stripe":${JSON.stringify(stripe)},`
  let isFirst = hasHead

  const entriesOf = (frame: Buffer): IndexEntry[] => {
    const entries: IndexEntry[] = []
    const text = decompressFrame(frame).toString()
    if (!text.endsWith('\n')) throw new RangeError('It does not end with a line.')
    for (const line of text.slice(0, -1).split('\n')) {
      if (isFirst) {
        proveHead(JSON.parse(line))
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
