/** A path on a host. */
import * as z from 'zod'

export const AbsolutePath = z.string().min(1).max(4096).regex(/^\/[^\0\n]*$/, 'must be an absolute path')
