// The WebAssembly text of crc32c.ts: sixteen bytes a turn by one table for each of them.

/** Bytes of one table: 256 numbers of 32 bits. */
const TABLE_BYTES = 1024
const BYTES = 16
/** Tables lie at the begin of the memory, that of the byte furthest from the end of a turn last; content follows. */
export const CONTENT_AT = BYTES * TABLE_BYTES

/** Number k of the four of a word as an offset into its table. */
const index = (word: string, k: number): string => `(i32.and ${k === 0 ? `(i32.shl ${word} (i32.const 2))` : `(i32.shr_u ${word} (i32.const ${k * 8 - 2}))`} (i32.const 1020))`
const entry = (byte: number): string => `(i32.load offset=${(BYTES - 1 - byte) * TABLE_BYTES} ${index(`(local.get $w${byte >> 2})`, byte & 3)})`
/** What needs the sum so far comes last: all else is looked up meanwhile. */
const sum = Array.from({ length: BYTES }, (_, byte) => byte).toReversed().map(entry).reduce((left, right) => `(i32.xor ${left} ${right})`)

/** Goes on from $crc over $n bytes at $p. */
export const crc32cWat = `(module (memory (export "memory") 2 2)
(func (export "update") (param $p i32) (param $n i32) (param $crc i32) (result i32)
  (local $w0 i32) (local $w1 i32) (local $w2 i32) (local $w3 i32)
  (block $short (loop $turn (br_if $short (i32.lt_u (local.get $n) (i32.const ${BYTES})))
    (local.set $w0 (i32.xor (i32.load (local.get $p)) (local.get $crc)))
    ${[1, 2, 3].map((word) => `(local.set $w${word} (i32.load offset=${word * 4} (local.get $p)))`).join('\n    ')}
    (local.set $crc ${sum})
    (local.set $p (i32.add (local.get $p) (i32.const ${BYTES}))) (local.set $n (i32.sub (local.get $n) (i32.const ${BYTES})))
    (br $turn)))
  (block $done (loop $byte (br_if $done (i32.eqz (local.get $n)))
    (local.set $crc (i32.xor (i32.shr_u (local.get $crc) (i32.const 8))
      (i32.load (i32.and (i32.shl (i32.xor (local.get $crc) (i32.load8_u (local.get $p))) (i32.const 2)) (i32.const 1020)))))
    (local.set $p (i32.add (local.get $p) (i32.const 1))) (local.set $n (i32.sub (local.get $n) (i32.const 1)))
    (br $byte)))
  (local.get $crc)))`
