/** Makes age identities (X25519 key pairs) and derives the public half of one. */
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { Secret } from './secret.ts'

export interface AgeIdentities {
  make(): Promise<{ identity: Secret; recipient: string }>
  /** The recipient ('age1…') of an identity ('AGE-SECRET-KEY-1…'); null when the text is none, as its checksum tells. */
  recipientOf(identity: string): Promise<string | null>
}

export const ageIdentities: AgeIdentities = {
  async make() {
    const identity = await generateX25519Identity()
    return { identity: new Secret(identity), recipient: await identityToRecipient(identity) }
  },
  // The library says "no" by throwing, and its message would repeat the text.
  recipientOf: (identity) => identityToRecipient(identity).catch(() => null),
}
