// Content of an age v1 file, chunk by chunk and synchronously, for worker threads: written as a stream, read as a stream or anywhere in it.
// Source: https://age-encryption.org/v1 (chapter "Payload"). The header, which holds the file key, is made and opened by age-header.ts.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

/** Plain bytes of every chunk but the last. */
export const CHUNK_BYTES = 64 * 1024
const TAG_BYTES = 16
const SEALED_BYTES = CHUNK_BYTES + TAG_BYTES
const NONCE_BYTES = 16

/** What one age file begins with. The key opens the whole file: keep it in memory only, and never use it for a second file. */
export interface AgeHeader {
  header: Uint8Array
  fileKey: Uint8Array
}

/** 11 bytes that count the chunks, big-endian, and a last one that is 1 for the last chunk: so chunks can be neither swapped nor cut off. */
function chunkNonce(number: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUIntBE(number, 5, 6)
  nonce[11] = isLast ? 1 : 0
  return nonce
}

const cipherName = 'chacha20-poly1305'
const tagLength = { authTagLength: TAG_BYTES } as const
const payloadKey = (fileKey: Uint8Array, nonce: Uint8Array): Buffer => Buffer.from(hkdfSync('sha256', fileKey, nonce, 'payload', 32))

function openChunk(key: Buffer, number: number, isLast: boolean, sealed: Buffer): Buffer {
  const end = sealed.length - TAG_BYTES
  if (end < 0) throw new RangeError('An encrypted file ends inside a chunk.')
  if (end === 0 && number > 0) throw new RangeError('An encrypted file ends with an empty chunk.')
  const decipher = createDecipheriv(cipherName, key, chunkNonce(number, isLast), tagLength)
  decipher.setAuthTag(sealed.subarray(end))
  const plain = decipher.update(sealed.subarray(0, end))
  try {
    decipher.final()
  } catch (cause) {
    throw new RangeError(`Chunk ${number + 1} of an encrypted file is damaged, or the file was cut off or continued.`, { cause })
  }
  return plain
}

export interface Stream {
  /** Bytes in, whole chunks out. `bytes` may be reused afterwards; what is returned is nobody else's. */
  push(bytes: Uint8Array): Buffer[]
  end(): Buffer[]
}

/** Cuts a stream into pieces of `size`, where the last one (full, shorter, or empty if nothing came) is told apart. */
function pieces(size: number, work: (piece: Buffer, number: number, isLast: boolean) => Buffer[]): Stream {
  const held = Buffer.allocUnsafeSlow(size)
  let filled = 0
  let number = 0
  return {
    push(given) {
      const bytes = Buffer.from(given.buffer, given.byteOffset, given.length)
      const out: Buffer[] = []
      for (let at = 0; at < bytes.length; ) {
        if (filled === size) {
          out.push(...work(held, number++, false))
          filled = 0
        }
        // A whole piece with more behind it needs no copy.
        if (filled === 0 && bytes.length - at > size) {
          out.push(...work(bytes.subarray(at, at + size), number++, false))
          at += size
          continue
        }
        const length = Math.min(size - filled, bytes.length - at)
        bytes.copy(held, filled, at, at + length)
        filled += length
        at += length
      }
      return out
    },
    end: () => work(held.subarray(0, filled), number, true),
  }
}

/** Writes one age file: its header comes out with the first bytes. */
export function ageSealer({ header, fileKey }: AgeHeader): Stream {
  const nonce = randomBytes(NONCE_BYTES)
  const key = payloadKey(fileKey, nonce)
  let before: Buffer[] = [Buffer.from(header), nonce]
  const body = pieces(CHUNK_BYTES, (plain, number, isLast) => {
    const cipher = createCipheriv(cipherName, key, chunkNonce(number, isLast), tagLength)
    const sealed = cipher.update(plain)
    cipher.final()
    return [sealed, cipher.getAuthTag()]
  })
  const withHeader = (out: Buffer[]): Buffer[] => {
    const all = before.length === 0 ? out : [...before, ...out]
    before = []
    return all
  }
  return { push: (bytes) => withHeader(body.push(bytes)), end: () => withHeader(body.end()) }
}

/** Reads what follows the header of one age file. Throws RangeError if it is damaged or cut off; what came out before that was proved. */
export function payloadOpener(fileKey: Uint8Array): Stream {
  const nonce = Buffer.alloc(NONCE_BYTES)
  let got = 0
  let key: Buffer | null = null
  const body = pieces(SEALED_BYTES, (sealed, number, isLast) => {
    if (key === null) throw new RangeError('An encrypted file ends behind its header.')
    return [openChunk(key, number, isLast, sealed)]
  })
  return {
    push(bytes) {
      const first = bytes.subarray(0, NONCE_BYTES - got)
      nonce.set(first, got)
      got += first.length
      if (got === NONCE_BYTES) key ??= payloadKey(fileKey, nonce)
      return body.push(bytes.subarray(first.length))
    },
    end: () => body.end(),
  }
}

/** Plain bytes of an age file of `fileBytes` with a header of `headerBytes`. Throws RangeError if no age file has this size. */
export function plainSize(fileBytes: number, headerBytes: number): number {
  const sealed = fileBytes - headerBytes - NONCE_BYTES
  const chunks = Math.ceil(sealed / SEALED_BYTES)
  const last = sealed - (chunks - 1) * SEALED_BYTES
  if (sealed < TAG_BYTES || last < TAG_BYTES || (last === TAG_BYTES && chunks > 1)) throw new RangeError('An encrypted file ends inside a chunk.')
  return sealed - chunks * TAG_BYTES
}

/** Size of the age file that `plainBytes` become. */
export const sealedSize = (plainBytes: number, headerBytes: number): number => headerBytes + NONCE_BYTES + plainBytes + Math.max(1, Math.ceil(plainBytes / CHUNK_BYTES)) * TAG_BYTES

export interface SeekOptions {
  fileKey: Uint8Array
  headerBytes: number
  /** Size of the whole file. */
  fileBytes: number
  /** Exactly these bytes of the file. */
  read: (offset: number, length: number) => Buffer
}

export interface SeekableAge {
  plainBytes: number
  /** Plain bytes [offset, offset + length): only the chunks that hold them are read and opened. Throws RangeError if they are damaged or not there. */
  read(offset: number, length: number): Buffer
}

/** Opens an age file anywhere. The chunk opened last is kept, because the next frame mostly begins in it. */
export function seekableAge({ fileKey, headerBytes, fileBytes, read }: SeekOptions): SeekableAge {
  const plainBytes = plainSize(fileBytes, headerBytes)
  const begin = headerBytes + NONCE_BYTES
  const key = payloadKey(fileKey, read(headerBytes, NONCE_BYTES))
  const lastNumber = Math.max(0, Math.ceil(plainBytes / CHUNK_BYTES) - 1)
  let kept: { number: number; plain: Buffer } = { number: -1, plain: Buffer.alloc(0) }
  // An empty file has one chunk, too: without this a file cut off behind its first tag would pass for empty.
  if (plainBytes === 0) openChunk(key, 0, true, read(begin, TAG_BYTES))
  return {
    plainBytes,
    read(offset, length) {
      const end = offset + length
      if (offset < 0 || length < 0 || end > plainBytes) throw new RangeError(`An encrypted file has ${plainBytes} bytes, not ${end}.`)
      if (length === 0) return Buffer.alloc(0)
      const first = Math.floor(offset / CHUNK_BYTES)
      const last = Math.floor((end - 1) / CHUNK_BYTES)
      const from = kept.number === first ? first + 1 : first
      const sealedAt = begin + from * SEALED_BYTES
      const sealed = from > last ? Buffer.alloc(0) : read(sealedAt, Math.min(begin + (last + 1) * SEALED_BYTES, fileBytes) - sealedAt)
      const out: Buffer[] = []
      for (let number = first; number <= last; number += 1) {
        if (number !== kept.number) {
          const at = (number - from) * SEALED_BYTES
          kept = { number, plain: openChunk(key, number, number === lastNumber, sealed.subarray(at, at + SEALED_BYTES)) }
        }
        const chunkAt = number * CHUNK_BYTES
        out.push(kept.plain.subarray(Math.max(0, offset - chunkAt), Math.min(CHUNK_BYTES, end - chunkAt)))
      }
      const [only] = out
      return out.length === 1 && only !== undefined ? only : Buffer.concat(out, length)
    },
  }
}
