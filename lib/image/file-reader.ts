// Reads the content of one file of an image through the index: only the frames that hold it are read and opened.
import { createHash } from 'node:crypto'
import type { FrameExpander, Room } from './frame-expander.ts'
import { decompressFrame } from './frames.ts'
import { entryName, type IndexEntry, type Piece } from './index.ts'
import { type ContentProver, printsProver } from './prints.ts'

/** Stored bytes [offset, offset + length) of volume number `volume` of the entry's stripe. */
export type ReadStored = (piece: Pick<Piece, 'volume' | 'offset' | 'length'>) => Buffer

/**
 * Opens frames, each in memory of its own unless `expand` uses one again; neighbours that share one cost it once. `isCompressed` false: volumes are plain tar.
 * A frame that is all one piece is opened into `room` where that gives any.
 */
export function frameOpener(read: ReadStored, isCompressed: boolean, expand: FrameExpander['expand'] = decompressFrame, room: Room = () => null): (piece: Piece) => Buffer {
  let key = ''
  let raw: Buffer = Buffer.alloc(0)
  return (piece) => {
    if (!isCompressed) return read(piece).subarray(piece.skip, piece.skip + piece.size)
    const wanted = `${piece.volume}:${piece.offset}`
    if (wanted !== key) {
      key = '' // its memory is used again
      const isWholeFrame = (bytes: number): boolean => piece.skip === 0 && bytes === piece.size
      raw = expand(read(piece), (bytes) => (isWholeFrame(bytes) ? room(bytes) : null))
      if (isWholeFrame(raw.length)) return raw
      key = wanted
    }
    return raw.subarray(piece.skip, piece.skip + piece.size)
  }
}

function opened(entry: IndexEntry, piece: Piece, open: (piece: Piece) => Buffer): Buffer {
  try {
    return open(piece)
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new RangeError(`${entryName(entry)}: volume ${piece.volume} is damaged at byte ${piece.offset}: ${cause.message}`, { cause })
  }
}

export type WantedContent = Pick<IndexEntry, 'prints' | 'sha256' | 'size'>

/** By its prints where the entry has them, else by its sha256. */
export function contentProver({ prints, sha256, size }: WantedContent): ContentProver {
  if (prints !== undefined) return printsProver(prints, size)
  const hash = createHash('sha256')
  let [seen, isSame] = [0, true]
  return {
    add(bytes) {
      hash.update(bytes)
      seen += bytes.length
    },
    end() {
      isSame = seen === size && hash.digest('hex') === sha256
    },
    get isSame() {
      return isSame
    },
  }
}

/** Content of a file in pieces of at most one frame. Throws RangeError if a frame is damaged, too short, or the content is not what was backed up. */
export function* fileContent(entry: IndexEntry, open: (piece: Piece) => Buffer): Generator<Buffer> {
  const proof = entry.type === 'file' ? contentProver(entry) : null
  const goOnIfSame = (): void => {
    if (proof?.isSame === false) throw new RangeError(`${entryName(entry)}: the content is not what was backed up: its digest differs.`)
  }
  let size = 0
  for (const piece of entry.pieces) {
    const bytes = opened(entry, piece, open)
    if (bytes.length !== piece.size) throw new RangeError(`${entryName(entry)}: a frame of volume ${piece.volume} ends before the file does.`)
    proof?.add(bytes)
    goOnIfSame()
    size += bytes.length
    yield bytes
  }
  if (size !== entry.size) throw new RangeError(`${entryName(entry)}: the index leads to ${size} bytes of ${entry.size}.`)
  proof?.end()
  goOnIfSame()
}
