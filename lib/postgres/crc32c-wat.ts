// The WebAssembly text of crc32c.ts: sixteen streams of bytes side by side, one in each lane of a vector, and one stream byte by byte.
import { CONTENT_AT, STREAM_BYTES, STREAMS, SUMS_AT, TABLE } from './crc32c-layout.ts'

const lanes = Array.from({ length: STREAMS }, (_, lane) => lane)
const vector = (byteOf: (lane: number) => number): string => `(v128.const i8x16 ${lanes.map(byteOf).join(' ')})`
const get = (name: string): string => `(local.get $${name})`
const set = (name: string, value: string): string => `(local.set $${name} ${value})`
const xor = (a: string, b: string): string => `(v128.xor ${a} ${b})`
const local = (names: readonly string[]): string => names.map((name) => `(local $${name} v128)`).join(' ')

/** Byte `k` of what each low half of a byte adds, and each high half. */
const byteOfTable = (k: number, shift: number): string => vector((half) => ((TABLE[half << shift] ?? 0) >>> (8 * k)) & 255)
/** One byte of every stream. */
const step = (column: string): string => [
  set('x', xor(get('s0'), get(column))),
  set('hi', `(v128.and (i16x8.shr_u ${get('x')} (i32.const 4)) ${get('half')})`),
  set('lo', `(v128.and ${get('x')} ${get('half')})`),
  ...[0, 1, 2, 3].map((k) => {
    const added = xor(`(i8x16.swizzle ${get(`l${k}`)} ${get('lo')})`, `(i8x16.swizzle ${get(`h${k}`)} ${get('hi')})`)
    return set(`s${k}`, k === 3 ? added : xor(get(`s${k + 1}`), added))
  }),
].join('\n')

/** Four rounds of this make columns of rows: row i and row i + 8 become rows 2 i and 2 i + 1, lane by lane. */
const woven = (from: string, to: string): string =>
  lanes.slice(0, 8).flatMap((i) => [0, 8].map((half) => set(`${to}${2 * i + half / 8}`, `(i8x16.shuffle ${lanes.slice(half, half + 8).flatMap((lane) => [lane, lane + 16]).join(' ')} ${get(`${from}${i}`)} ${get(`${from}${i + 8}`)})`))).join('\n')

/** `streams` goes on from the sums in memory over STREAMS times STREAM_BYTES of content; `bytes` from $crc over $n bytes of it. */
export const crc32cWat = `(module (memory (export "memory") 1 1)
(func (export "streams")
  (local $p i32) (local $end i32) ${local([...lanes.flatMap((i) => [`a${i}`, `b${i}`]), 's0', 's1', 's2', 's3', 'x', 'hi', 'lo', 'half', ...[0, 1, 2, 3].flatMap((k) => [`l${k}`, `h${k}`])])}
  ${set('half', vector(() => 15))}
  ${[0, 1, 2, 3].map((k) => `${set(`l${k}`, byteOfTable(k, 0))} ${set(`h${k}`, byteOfTable(k, 4))} ${set(`s${k}`, `(v128.load (i32.const ${SUMS_AT + k * STREAMS}))`)}`).join('\n')}
  (local.set $p (i32.const ${CONTENT_AT})) (local.set $end (i32.const ${CONTENT_AT + STREAM_BYTES}))
  (loop $turn
    ${lanes.map((i) => set(`a${i}`, `(v128.load offset=${i * STREAM_BYTES} (local.get $p))`)).join('\n')}
    ${woven('a', 'b')}
    ${woven('b', 'a')}
    ${woven('a', 'b')}
    ${woven('b', 'a')}
    ${lanes.map((i) => step(`a${i}`)).join('\n')}
    (local.set $p (i32.add (local.get $p) (i32.const 16)))
    (br_if $turn (i32.lt_u (local.get $p) (local.get $end))))
  ${[0, 1, 2, 3].map((k) => `(v128.store (i32.const ${SUMS_AT + k * STREAMS}) ${get(`s${k}`)})`).join('\n')})
(func (export "bytes") (param $n i32) (param $crc i32) (result i32)
  (local $p i32)
  (local.set $p (i32.const ${CONTENT_AT})) (local.set $n (i32.add (local.get $n) (local.get $p)))
  (block $done (loop $byte (br_if $done (i32.ge_u (local.get $p) (local.get $n)))
    (local.set $crc (i32.xor (i32.shr_u (local.get $crc) (i32.const 8))
      (i32.load (i32.and (i32.shl (i32.xor (local.get $crc) (i32.load8_u (local.get $p))) (i32.const 2)) (i32.const 1020)))))
    (local.set $p (i32.add (local.get $p) (i32.const 1)))
    (br $byte)))
  (local.get $crc)))`
