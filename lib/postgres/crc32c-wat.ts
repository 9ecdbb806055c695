// The WebAssembly text of crc32c.ts: bytes are added to those after them, many at a time, until few are left, which are summed by tables.
import { AT_ONCE, CONTENT_AT, DISTANCES, TABLE_BYTES, TURN_BYTES, TURN_VECTORS, VECTOR_BYTES } from './crc32c-layout.ts'

const vectors = Array.from({ length: TURN_VECTORS }, (_, index) => index)
const [near, middle, far] = DISTANCES
/** `back` bytes before the vector at $p. */
const load = (vector: number, back: number): string => `(v128.load offset=${CONTENT_AT - back + vector * VECTOR_BYTES} align=1 (local.get $p))`
const xor = (a: string, b: string): string => `(v128.xor ${a} ${b})`

/** What the lowest byte of a value adds when `follow` bytes follow. */
const added = (value: string, follow: number): string => `(i32.load offset=${follow * TABLE_BYTES} (i32.and (i32.shl ${value} (i32.const 2)) (i32.const 1020)))`
const byteOf = (word: string, index: number): string => (index === 0 ? `(local.get $${word})` : `(i32.shr_u (local.get $${word}) (i32.const ${8 * index}))`)
const sumAtOnce = ['low', 'high'].flatMap((word, half) => [0, 1, 2, 3].map((index) => added(byteOf(word, index), AT_ONCE - 1 - 4 * half - index))).reduce((all, one) => `(i32.xor ${all} ${one})`)
/** Goes on for $n bytes, `step` of them at a time as long as there are as many. */
const loop = (step: number, what: string): string => `(block $done (loop $more (br_if $done (i32.lt_u (local.get $n) (i32.const ${step})))
    ${what}
    (local.set $n (i32.sub (local.get $n) (i32.const ${step})))
    (br $more)))`
const forward = (name: string, step: number): string => `(local.set $${name} (i32.add (local.get $${name}) (i32.const ${step})))`

/**
 * `fold` adds to each byte of the content those at DISTANCES before it, which were done before; $n is a multiple of a turn. `add` adds $n bytes to those $to, which lie
 * behind them. `bytes` gives the sum of $n bytes of the content, going on from $crc.
 */
export const crc32cWat = `(module (memory (export "memory") 1 1)
(func (export "fold") (param $n i32)
  (local $p i32)
  ${loop(TURN_BYTES, [...vectors.map((vector) => `(v128.store offset=${CONTENT_AT + vector * VECTOR_BYTES} align=1 (local.get $p) ${xor(xor(load(vector, 0), load(vector, near)), xor(load(vector, middle), load(vector, far)))})`), forward('p', TURN_BYTES)].join('\n    '))})
(func (export "add") (param $from i32) (param $to i32) (param $n i32)
  ${loop(8, `(i64.store align=1 (local.get $to) (i64.xor (i64.load align=1 (local.get $to)) (i64.load align=1 (local.get $from)))) ${forward('from', 8)} ${forward('to', 8)}`)}
  ${loop(1, `(i32.store8 (local.get $to) (i32.xor (i32.load8_u (local.get $to)) (i32.load8_u (local.get $from)))) ${forward('from', 1)} ${forward('to', 1)}`)})
(func (export "bytes") (param $n i32) (param $crc i32) (result i32)
  (local $p i32) (local $low i32) (local $high i32)
  (local.set $p (i32.const ${CONTENT_AT}))
  ${loop(AT_ONCE, `(local.set $low (i32.xor (local.get $crc) (i32.load align=1 (local.get $p)))) (local.set $high (i32.load offset=4 align=1 (local.get $p)))
    (local.set $crc ${sumAtOnce}) ${forward('p', AT_ONCE)}`)}
  ${loop(1, `(local.set $crc (i32.xor (i32.shr_u (local.get $crc) (i32.const 8)) ${added('(i32.xor (local.get $crc) (i32.load8_u (local.get $p)))', 0)})) ${forward('p', 1)}`)}
  (local.get $crc)))`
