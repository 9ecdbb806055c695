/** WAL positions as they come in, parsed. Apart from lsn.ts, which threads of the agent load without any schema. */
import * as z from 'zod'
import { formatLsn, isLsn, type Lsn, parseLsn, TEXT } from './lsn.ts'

/** Text that is a WAL position, left as text: for JSON and forms. */
export const LsnText = z.string().regex(TEXT, 'Write a WAL position as two hexadecimal numbers with a slash, such as 3/A1F0.')

/** Text on the wire, Lsn in memory; encodes back to PostgreSQL's spelling. */
export const zLsn = z.codec(LsnText, z.custom<Lsn>((value) => typeof value === 'bigint' && isLsn(value)), {
  decode: parseLsn,
  encode: formatLsn,
})
