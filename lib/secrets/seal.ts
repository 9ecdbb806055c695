/** Seals texts with AES-256-GCM under the master key: what the catalog keeps of passwords and keys. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { problem } from '#lib/domain/problem.ts'
import { Secret } from './secret.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16
/** Names the form, so that another one may follow. */
const PREFIX = 'v1.'

export interface Sealer {
  seal(text: string | Secret): string
  /** Throws `internal` when the text was sealed under another key or was changed. */
  open(sealed: string): Secret
}

/** `key` is 32 bytes. Two seals of one text differ: every seal has a nonce of its own. */
export function createSealer(key: Buffer): Sealer {
  if (key.length !== 32) throw problem('internal', `The master key has ${key.length} bytes instead of 32`)
  return {
    seal(text) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      const body = Buffer.concat([cipher.update(text instanceof Secret ? text.reveal() : text, 'utf8'), cipher.final()])
      return PREFIX + Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64')
    },
    open(sealed) {
      const bytes = Buffer.from(sealed.startsWith(PREFIX) ? sealed.slice(PREFIX.length) : '', 'base64')
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
        decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
        return new Secret(Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8'))
      } catch (cause) {
        throw problem('internal', 'A stored password or key cannot be opened', { detail: 'It was sealed under another master key, or it was changed in the catalog.', hint: 'Start the console with the master key it had (HOWDAH_MASTER_KEY or secrets/master-key), or enter the password again.', cause })
      }
    },
  }
}
