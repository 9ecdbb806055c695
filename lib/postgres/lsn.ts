// Log sequence numbers: 64-bit byte positions in the write-ahead log, held as bigint and printed as PostgreSQL prints them.
// Source: https://www.postgresql.org/docs/current/datatype-pg-lsn.html, src/include/access/xlogdefs.h

declare const brand: unique symbol

/** A byte position in the WAL, 0 … 2^64-1. Compare and subtract with bigint operators; a difference is bytes, not an Lsn. */
export type Lsn = bigint & { readonly [brand]: 'lsn' }

const HIGHEST = 0xffff_ffff_ffff_ffffn
export const TEXT = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/

export const isLsn = (value: bigint): value is Lsn => value >= 0n && value <= HIGHEST

/** Brands a number of bytes as an Lsn. Throws RangeError outside 0 … 2^64-1. */
export function lsn(value: bigint): Lsn {
  if (!isLsn(value)) throw new RangeError(`A WAL position must lie between 0/0 and FFFFFFFF/FFFFFFFF, not ${value}.`)
  return value
}

/** Reads 'X/Y' as pg_lsn's input function does: two hex numbers of 1 to 8 digits, either case. Throws RangeError on other text. */
export function parseLsn(text: string): Lsn {
  const [, high, low] = TEXT.exec(text) ?? []
  if (high === undefined || low === undefined) {
    throw new RangeError(`"${text}" is not a WAL position: write two hexadecimal numbers with a slash, such as 3/A1F0.`)
  }
  return lsn((BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`))
}

const hex = (value: bigint): string => value.toString(16).toUpperCase()

/** Prints 'X/Y' in upper case without leading zeros, as pg_lsn's output function does. */
export const formatLsn = (position: Lsn): string => `${hex(position >> 32n)}/${hex(position & 0xffff_ffffn)}`
