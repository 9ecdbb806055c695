// Reads lines, numbers and so many bytes, in turns, of what arrives; what belongs to the next turn is kept for it.
const MAX_LINE_BYTES = 1 << 16

export interface ByteReader {
  /** Without its end; null = the other side hung up, or sent more than any line has. */
  line(): Promise<string | null>
  /** Of 4 bytes, big endian; null = the other side hung up. */
  number(): Promise<number | null>
  /** Exactly so many, fewer only where the other side hung up. */
  bytes(count: number): AsyncGenerator<Buffer>
}

export function byteReader(source: AsyncIterable<Buffer>): ByteReader {
  const chunks = source[Symbol.asyncIterator]()
  let held: Buffer = Buffer.alloc(0)
  const more = async (): Promise<boolean> => {
    const next = await chunks.next()
    if (next.done === true) return false
    held = held.length === 0 ? next.value : Buffer.concat([held, next.value])
    return true
  }
  return {
    async line() {
      for (let end = held.indexOf(10); ; end = held.indexOf(10)) {
        if (end !== -1) {
          const text = held.toString('utf8', 0, end)
          held = held.subarray(end + 1)
          return text
        }
        if (held.length > MAX_LINE_BYTES || !(await more())) return null
      }
    },
    async number() {
      while (held.length < 4) if (!(await more())) return null
      const value = held.readUInt32BE()
      held = held.subarray(4)
      return value
    },
    async *bytes(count) {
      for (let left = count; left > 0; ) {
        if (held.length === 0 && !(await more())) return
        const piece = held.subarray(0, left)
        held = held.subarray(piece.length)
        left -= piece.length
        yield piece
      }
    },
  }
}
