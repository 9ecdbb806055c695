/** What is sealed for a host: how the console signs in there. The sealed text is this as JSON. */
import * as z from 'zod'

export const HostSecret = z.union([
  z.strictObject({ password: z.string().min(1) }),
  /** A host that came back from storage: nobody has said yet how to sign in. */
  z.strictObject({ isUnknown: z.literal(true) }),
  z.strictObject({ privateKey: z.string().min(1), passphrase: z.string().optional() }),
])
export type HostSecret = z.infer<typeof HostSecret>
