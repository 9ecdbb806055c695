// Segments of WAL made of records, for tests of what reads them: pages with their headers, records cut by pages and segments.

export const PAGE = 8192
/** Small, so that records are cut often. */
export const SEGMENT = 8 * PAGE

/** Writes records into segments, page by page, with headers and continuations; the rest is zeros. */
export function logOf(records: readonly Uint8Array[]): Uint8Array[] {
  const segments: Uint8Array[] = []
  let at = 0
  let left = 0
  let isBegun = false
  const byteAt = (position: number): [Uint8Array, number] => {
    const index = Math.floor(position / SEGMENT)
    while (segments.length <= index) segments.push(new Uint8Array(SEGMENT))
    const segment = segments[index]
    if (segment === undefined) throw new Error('no segment')
    return [segment, position % SEGMENT]
  }
  const enterPage = (): void => {
    const [segment, offset] = byteAt(at)
    const view = new DataView(segment.buffer)
    const isLong = offset === 0
    view.setUint16(offset, 0xd110, true)
    view.setUint16(offset + 2, (isLong ? 2 : 0) | (isBegun ? 1 : 0), true)
    view.setBigUint64(offset + 8, BigInt(at), true)
    view.setUint32(offset + 16, isBegun ? left : 0, true)
    if (isLong) view.setUint32(offset + 36, PAGE, true)
    at += isLong ? 40 : 24
  }
  for (const record of records) {
    for (left = record.length; left > 0; ) {
      if (at % PAGE === 0) enterPage()
      const [segment, offset] = byteAt(at)
      const take = Math.min(left, PAGE - (offset % PAGE))
      segment.set(record.subarray(record.length - left, record.length - left + take), offset)
      at += take
      left -= take
      isBegun = left > 0
    }
    left = 0
    at = Math.ceil(at / 8) * 8
  }
  if (segments.length === 0) byteAt(0)
  return segments
}
