// Tar by hand: headers in GNU format, which carry any bytes as a name and any size, and a reader of the stream.
// Source: https://www.gnu.org/software/tar/manual/html_node/Standard.html

export const TAR_BLOCK = 512

const types = { file: '0', symlink: '2', dir: '5' } as const
export type TarType = keyof typeof types

/** `mtime` in seconds; `path` as bytes, because PostgreSQL lets file names be anything. */
export interface TarHeader {
  type: TarType
  path: Buffer
  size: number
  mode: number
  uid: number
  gid: number
  user: string
  group: string
  mtime: number
  /** Target of a symbolic link. A directory's goes into the index only, for tar has no place for it. */
  link?: string
  /** Tells the file from another one of the same name; goes into the index only. */
  identity?: string
  /** As in the index; goes only there. */
  rest?: string
}

/** Zeros that follow `size` bytes of content up to the next block. */
export const paddingOf = (size: number): number => (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK

const END = Buffer.alloc(2 * TAR_BLOCK)
/** Two empty blocks: the end of a tar stream. */
export const tarEnd = (): Buffer => Buffer.from(END)

const NAME_BYTES = 100
/** Far beyond what a file system takes as a path. */
const MAX_LONG_NAME_BYTES = 64 * 1024

/** Octal as all tars read it; what does not fit goes as GNU's base 256. */
function writeNumber(block: Buffer, value: number, at: number, width: number): void {
  const octal = value.toString(8)
  if (value >= 0 && octal.length < width) {
    block.write(octal.padStart(width - 1, '0'), at, 'latin1')
    return
  }
  block[at] = 0x80
  block.writeBigUInt64BE(BigInt(value), at + width - 8)
}

function oneHeader(header: Omit<TarHeader, 'type' | 'link'>, typeFlag: string, link: Buffer): Buffer {
  const block = Buffer.alloc(TAR_BLOCK)
  header.path.copy(block, 0, 0, NAME_BYTES)
  writeNumber(block, header.mode & 0o7777, 100, 8)
  writeNumber(block, header.uid, 108, 8)
  writeNumber(block, header.gid, 116, 8)
  writeNumber(block, header.size, 124, 12)
  writeNumber(block, Math.max(0, header.mtime), 136, 12)
  block.write('        ', 148, 'latin1')
  block.write(typeFlag, 156, 'latin1')
  link.copy(block, 157, 0, NAME_BYTES)
  block.write('ustar  \0', 257, 'latin1')
  block.write(header.user.slice(0, 31), 265)
  block.write(header.group.slice(0, 31), 297)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

/** A name too long for its field comes before the header, as the content of an entry of its own. */
function longName(typeFlag: 'L' | 'K', name: Buffer): Buffer {
  const content = Buffer.concat([name, Buffer.alloc(1)])
  const header = oneHeader({ path: Buffer.from('././@LongLink'), size: content.length, mode: 0o644, uid: 0, gid: 0, user: 'root', group: 'root', mtime: 0 }, typeFlag, Buffer.alloc(0))
  return Buffer.concat([header, content, Buffer.alloc(paddingOf(content.length))])
}

/** The blocks that announce one entry; `size` bytes of content and `paddingOf(size)` zeros follow. */
export function tarHeader(header: TarHeader): Buffer {
  const path = header.type === 'dir' && header.path.at(-1) !== 0x2f ? Buffer.concat([header.path, Buffer.from('/')]) : header.path
  const link = Buffer.from(header.type === 'symlink' ? (header.link ?? '') : '')
  const before = [
    ...(link.length > NAME_BYTES ? [longName('K', link)] : []),
    ...(path.length > NAME_BYTES ? [longName('L', path)] : []),
  ]
  const block = oneHeader({ ...header, path }, types[header.type], link)
  return before.length === 0 ? block : Buffer.concat([...before, block])
}

const textAt = (block: Buffer, at: number, width: number): Buffer => {
  const field = block.subarray(at, at + width)
  const end = field.indexOf(0)
  return end === -1 ? field : field.subarray(0, end)
}

function numberAt(block: Buffer, at: number, width: number): number {
  const isBinary = ((block[at] ?? 0) & 0x80) !== 0
  const value = isBinary ? Number(block.readBigUInt64BE(at + width - 8)) : Number.parseInt(textAt(block, at, width).toString('latin1').trim() || '0', 8)
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError('A tar header holds a number that is none.')
  return value
}

function readHeader(block: Buffer): { typeFlag: string; header: TarHeader } {
  const expected = numberAt(block, 148, 8)
  const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0)
  if (sum !== expected) throw new RangeError('A tar header does not match its checksum.')
  const typeFlag = block.toString('latin1', 156, 157)
  const type = (Object.keys(types) as TarType[]).find((name) => types[name] === typeFlag) ?? 'file'
  const link = textAt(block, 157, NAME_BYTES).toString()
  return {
    typeFlag,
    header: {
      type,
      path: Buffer.from(textAt(block, 0, NAME_BYTES)),
      size: numberAt(block, 124, 12),
      mode: numberAt(block, 100, 8),
      uid: numberAt(block, 108, 8),
      gid: numberAt(block, 116, 8),
      user: textAt(block, 265, 32).toString(),
      group: textAt(block, 297, 32).toString(),
      mtime: numberAt(block, 136, 12),
      ...(link === '' ? {} : { link }),
    },
  }
}

export type TarEvent = { kind: 'entry'; header: TarHeader } | { kind: 'data'; bytes: Buffer } | { kind: 'end' }

/** Raw bytes of one stripe in, entries and their content out. `end()` throws unless the stream was closed by its end blocks. */
export function tarReader(): { push(chunk: Buffer): Generator<TarEvent>; end(): void } {
  let rest: Buffer = Buffer.alloc(0)
  let content = 0
  let padding = 0
  let named: { L?: Buffer; K?: Buffer } = {}
  let long: { flag: 'L' | 'K'; parts: Buffer[] } | null = null
  let isOver = false

  function* block(bytes: Buffer): Generator<TarEvent> {
    if (bytes.every((byte) => byte === 0)) {
      if (!isOver) yield { kind: 'end' }
      isOver = true
      return
    }
    if (isOver) throw new RangeError('Something follows the end of the tar stream.')
    const { typeFlag, header } = readHeader(bytes)
    content = header.size
    padding = paddingOf(header.size)
    if (typeFlag === 'L' || typeFlag === 'K') {
      if (header.size === 0 || header.size > MAX_LONG_NAME_BYTES) throw new RangeError(`A tar entry claims a name of ${header.size} bytes.`)
      long = { flag: typeFlag, parts: [] }
      return
    }
    if (!Object.values(types).some((flag) => flag === typeFlag)) throw new RangeError(`A tar entry of type "${typeFlag}" is none of ours.`)
    yield { kind: 'entry', header: { ...header, ...(named.L ? { path: named.L } : {}), ...(named.K ? { link: named.K.toString() } : {}) } }
    named = {}
  }

  return {
    *push(chunk) {
      let bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
      for (;;) {
        if (content > 0) {
          const piece = bytes.subarray(0, content)
          if (piece.length === 0) break
          bytes = bytes.subarray(piece.length)
          content -= piece.length
          if (long === null) yield { kind: 'data', bytes: piece }
          else long.parts.push(Buffer.from(piece))
          if (content === 0 && long !== null) {
            named[long.flag] = Buffer.concat(long.parts).subarray(0, -1)
            long = null
          }
        } else if (padding > 0) {
          const skipped = Math.min(padding, bytes.length)
          if (skipped === 0) break
          bytes = bytes.subarray(skipped)
          padding -= skipped
        } else {
          if (bytes.length < TAR_BLOCK) break
          yield* block(bytes.subarray(0, TAR_BLOCK))
          bytes = bytes.subarray(TAR_BLOCK)
        }
      }
      rest = bytes
    },
    end() {
      if (content > 0 || padding > 0 || rest.length > 0 || !isOver) throw new RangeError('The tar stream stops before its end.')
    },
  }
}
