// Segments of our own making: records across pages and segments, and everything that is no WAL.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { logOf, PAGE, SEGMENT } from '#e2e/hosts/wal-log.ts'
import { microsecondsOf, transactionEnds } from './wal-commits.ts'

const EPOCH = 946_684_800_000_000n

interface Made { isCommit: boolean; at: bigint; padding: number; hasOrigin: boolean }

/** One record as PostgreSQL writes it: header, optional origin, length of data, data. */
function recordOf({ isCommit, at, padding, hasOrigin }: Made): Uint8Array {
  const head = 24 + (hasOrigin ? 3 : 0) + 5
  const bytes = new Uint8Array(head + 8 + padding)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, bytes.length, true)
  view.setUint8(16, isCommit ? 0x80 : 0x10)
  view.setUint8(17, isCommit ? 1 : 10)
  let place = 24
  if (hasOrigin) {
    view.setUint8(place, 253)
    place += 3
  }
  view.setUint8(place, 254)
  view.setUint32(place + 1, 8 + padding, true)
  view.setBigInt64(place + 5, at - EPOCH, true)
  return bytes
}

const anyRecord = fc.record({ isCommit: fc.boolean(), at: fc.bigInt({ min: EPOCH, max: EPOCH * 2n }), padding: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 3 * PAGE }), fc.constant(2 * SEGMENT)), hasOrigin: fc.boolean() })

test('every end of a transaction is found once and in order, wherever pages and segments cut its record [K2]', () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { maxLength: 60 }), (made) => {
      const segments = logOf(made.map(recordOf))
      const found = segments.flatMap((segment, index) => [...transactionEnds(segment, segments[index + 1]?.subarray(0, PAGE))])
      expect(found).toEqual(made.filter(({ isCommit }) => isCommit).map(({ at }) => at))
    }),
  )
})

test('what is no WAL has no transaction, and never an endless loop', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3 * PAGE }), (bytes) => {
      expect([...transactionEnds(bytes)].length).toBeLessThan(3 * PAGE)
    }),
  )
  expect([...transactionEnds(new Uint8Array(SEGMENT))]).toEqual([])
})

test('pages of an earlier use of the file end the log', () => {
  const [segment] = logOf(Array.from({ length: 200 }, (_, index) => recordOf({ isCommit: true, at: EPOCH + BigInt(index), padding: 100, hasOrigin: false })))
  if (segment === undefined) throw new Error('no segment')
  new DataView(segment.buffer).setBigUint64(PAGE + 8, 4711n, true)
  const found = [...transactionEnds(segment)]
  expect(found.length).toBeGreaterThan(10)
  expect(found.length).toBeLessThan(100)
})

test('a time as recovery_target_time has it is read to the microsecond', () => {
  expect(microsecondsOf('1970-01-01 00:00:01.5+00')).toBe(1_500_000n)
  expect(microsecondsOf('2026-03-12 09:00:00.123456+00') % 1_000_000n).toBe(123_456n)
  for (const wrong of ['yesterday', '2026-03-12 09:00:00', '2026-03-12 09:00:00+01']) expect(() => microsecondsOf(wrong)).toThrow(RangeError)
})
