// The WebAssembly text of pages.ts: page checksums by SIMD and a scan of page LSNs, over pages that lie in a shared memory.
// Source: src/include/storage/checksum_impl.h (32 parallel FNV-1a lanes, folded, mixed with the block number), src/include/storage/bufpage.h

const LANES = [
  0x5b1f36e9, 0xb8525960, 0x02ab50aa, 0x1de66d2a, 0x79ff467a, 0x9bb9f8a3, 0x217e7cd2, 0x83e13d2c, 0xf8d4474f, 0xe39eb970, 0x42c6ae16,
  0x993216fa, 0x7b093b5d, 0x98daff3c, 0xf718902a, 0x0b1c9cdb, 0xe58f764b, 0x187636bc, 0x5d7b3bb1, 0xe73de7de, 0x92bec979, 0xcca6c0b2,
  0x304a0979, 0x85aa43d4, 0x783125bb, 0x6ca8eaa2, 0xe407eac6, 0x4b5cfc3e, 0x9fbf8c76, 0x15ca20be, 0xf2ca9fd3, 0x959bd756,
]
/** Eight vectors of four lanes each. */
const VECTORS = [0, 1, 2, 3, 4, 5, 6, 7] as const
const each = (line: (vector: number) => string): string => VECTORS.map(line).join('\n')
const mix = (value: string): string => `(v128.xor (i32x4.mul (local.tee $t ${value}) (v128.const i32x4 16777619 16777619 16777619 16777619)) (i32x4.shr_u (local.get $t) (i32.const 17)))`
const round = each((i) => `(local.set $s${i} ${mix(`(local.get $s${i})`)})`)
const lane = (i: number): string => `(i32x4.extract_lane ${i} (local.get $x))`

/** Both functions write indices of pages, counted from 0, as 32-bit numbers to $out and return how many. */
export const pagesWat = `(module (import "host" "memory" (memory 1 65536 shared))
(func (export "bad") (param $p i32) (param $n i32) (param $block i32) (param $out i32) (result i32)
  (local $found i32) (local $index i32) (local $end i32) (local $q i32) (local $stored i32) (local $sum i32) (local $t v128) (local $x v128)
  ${each((i) => `(local $s${i} v128)`)}
  (block $done (loop $page (br_if $done (i32.ge_u (local.get $index) (local.get $n)))
    (if (i32.load16_u offset=14 (local.get $p)) (then
      (local.set $stored (i32.load16_u offset=8 (local.get $p)))
      (i32.store16 offset=8 (local.get $p) (i32.const 0))
      ${each((i) => `(local.set $s${i} (v128.const i32x4 ${LANES.slice(i * 4, i * 4 + 4).join(' ')}))`)}
      (local.set $q (local.get $p)) (local.set $end (i32.add (local.get $p) (i32.const 8192)))
      (loop $row
        ${each((i) => `(local.set $s${i} ${mix(`(v128.xor (local.get $s${i}) (v128.load offset=${i * 16} (local.get $q)))`)})`)}
        (local.set $q (i32.add (local.get $q) (i32.const 128)))
        (br_if $row (i32.lt_u (local.get $q) (local.get $end))))
      ${round}
      ${round}
      (local.set $x (local.get $s0)) ${VECTORS.slice(1).map((i) => `(local.set $x (v128.xor (local.get $x) (local.get $s${i})))`).join(' ')}
      (local.set $sum (i32.xor (i32.xor ${lane(0)} ${lane(1)}) (i32.xor ${lane(2)} ${lane(3)})))
      (i32.store16 offset=8 (local.get $p) (local.get $stored))
      (if (i32.ne (i32.add (i32.rem_u (i32.xor (local.get $sum) (i32.add (local.get $block) (local.get $index))) (i32.const 65535)) (i32.const 1)) (local.get $stored))
        (then
          (i32.store (i32.add (local.get $out) (i32.shl (local.get $found) (i32.const 2))) (local.get $index))
          (local.set $found (i32.add (local.get $found) (i32.const 1)))))))
    (local.set $p (i32.add (local.get $p) (i32.const 8192))) (local.set $index (i32.add (local.get $index) (i32.const 1)))
    (br $page)))
  (local.get $found))
(func (export "changed") (param $p i32) (param $n i32) (param $since i64) (param $out i32) (result i32)
  (local $found i32) (local $index i32)
  (block $done (loop $page (br_if $done (i32.ge_u (local.get $index) (local.get $n)))
    (if (i32.or (i32.eqz (i32.load16_u offset=14 (local.get $p))) (i64.ge_u (i64.rotl (i64.load (local.get $p)) (i64.const 32)) (local.get $since))) (then
      (i32.store (i32.add (local.get $out) (i32.shl (local.get $found) (i32.const 2))) (local.get $index))
      (local.set $found (i32.add (local.get $found) (i32.const 1)))))
    (local.set $p (i32.add (local.get $p) (i32.const 8192))) (local.set $index (i32.add (local.get $index) (i32.const 1)))
    (br $page)))
  (local.get $found)))`
