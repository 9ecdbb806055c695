// Reads the content of one file of an image through the index: only the frames that hold it are read and opened.
import { createHash } from 'node:crypto'
import { decompressFrame } from './frames.ts'
import { entryName, type IndexEntry, type Piece } from './index.ts'

/** Stored bytes [offset, offset + length) of volume number `volume` of the entry's stripe. */
export type ReadStored = (piece: Pick<Piece, 'volume' | 'offset' | 'length'>) => Buffer

/** Opens frames; neighbours that share one cost it once. `isCompressed` false: volumes are plain tar. */
export function frameOpener(read: ReadStored, isCompressed: boolean): (piece: Piece) => Buffer {
  let key = ''
  let raw: Buffer = Buffer.alloc(0)
  return (piece) => {
    if (!isCompressed) return read(piece).subarray(piece.skip, piece.skip + piece.size)
    const wanted = `${piece.volume}:${piece.offset}`
    if (wanted !== key) {
      raw = decompressFrame(read(piece))
      key = wanted
    }
    return raw.subarray(piece.skip, piece.skip + piece.size)
  }
}

/** Content of a file in pieces of at most one frame. Throws RangeError if a frame is damaged, too short, or the content is not what was hashed. */
export function* fileContent(entry: IndexEntry, open: (piece: Piece) => Buffer): Generator<Buffer> {
  const hash = createHash('sha256')
  let size = 0
  for (const piece of entry.pieces) {
    const bytes = open(piece)
    if (bytes.length !== piece.size) throw new RangeError(`${entryName(entry)}: a frame of volume ${piece.volume} ends before the file does.`)
    hash.update(bytes)
    size += bytes.length
    yield bytes
  }
  if (size !== entry.size) throw new RangeError(`${entryName(entry)}: the index leads to ${size} bytes of ${entry.size}.`)
  if (entry.type === 'file' && hash.digest('hex') !== entry.sha256) throw new RangeError(`${entryName(entry)}: the content is not what was backed up: its sha256 differs.`)
}
