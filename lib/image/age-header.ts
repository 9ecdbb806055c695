// Header of an age v1 file, synchronous like all of it: made for recipients, opened with identities. X25519 keys, which age-keygen makes.
// Source: https://age-encryption.org/v1 (chapters "Header" and "The X25519 recipient type")
import { createCipheriv, createDecipheriv, createHmac, createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto'
import { bech32 } from '@scure/base'
import { problem } from '#lib/domain/problem.ts'
import { type AgeHeader, ageSealer, payloadOpener } from './age.ts'

const VERSION_LINE = 'age-encryption.org/v1'
const STANZA = 'X25519'
const FILE_KEY_BYTES = 16
/** A header for ten recipients has about 1 KiB; no more than this is searched for its end. */
const MAX_HEADER_BYTES = 64 * 1024

/** What stands before the 32 raw bytes of a key in DER. Source: https://www.rfc-editor.org/rfc/rfc8410 */
const spki = Buffer.from('302a300506032b656e032100', 'hex')
const pkcs8 = Buffer.from('302e020100300506032b656e04220420', 'hex')
const publicKey = (raw: Uint8Array): KeyObject => createPublicKey({ key: Buffer.concat([spki, raw]), format: 'der', type: 'spki' })
const privateKey = (raw: Uint8Array): KeyObject => createPrivateKey({ key: Buffer.concat([pkcs8, raw]), format: 'der', type: 'pkcs8' })
const rawPublic = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' }).subarray(spki.length)

/** Raw bytes of a recipient or an identity. The text is not repeated in the message: it may be the secret. */
function keyBytes(text: string, prefix: 'age' | 'age-secret-key-', what: string): Uint8Array {
  const found = bech32.decodeUnsafe(text.toLowerCase())
  const bytes = found === undefined || found.prefix !== prefix ? undefined : bech32.fromWordsUnsafe(found.words)
  if (bytes === undefined || bytes?.length !== 32) throw new RangeError(`This is no ${what} of age.`)
  return bytes
}

const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replaceAll('=', '')
/** Null unless the text is what `toBase64` makes. */
const fromBase64 = (text: string): Buffer | null => {
  const bytes = Buffer.from(text, 'base64')
  return toBase64(bytes) === text ? bytes : null
}

const hkdf = (key: Uint8Array, salt: Uint8Array, info: string): Buffer => Buffer.from(hkdfSync('sha256', key, salt, info, 32))
const zeroNonce = Buffer.alloc(12)
const cipherName = 'chacha20-poly1305'
const tagLength = { authTagLength: 16 } as const
const wrapKey = (secret: Uint8Array, share: Uint8Array, recipient: Uint8Array): Buffer => hkdf(secret, Buffer.concat([share, recipient]), `${VERSION_LINE}/${STANZA}`)
/** Covers everything up to and with the three dashes. */
const macOf = (fileKey: Uint8Array, text: string): Buffer => createHmac('sha256', hkdf(fileKey, Buffer.alloc(0), 'header')).update(text, 'latin1').digest()

function wrapFileKey(fileKey: Uint8Array, recipientText: string): string {
  const recipient = keyBytes(recipientText, 'age', 'recipient')
  const ephemeral = generateKeyPairSync('x25519')
  const share = rawPublic(ephemeral.publicKey)
  const secret = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: publicKey(recipient) })
  const cipher = createCipheriv(cipherName, wrapKey(secret, share, recipient), zeroNonce, tagLength)
  const sealed = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()])
  return `-> ${STANZA} ${toBase64(share)}\n${toBase64(sealed)}\n`
}

/** A fresh file key and the header that hands it to each of the recipients ('age1…'). Throws RangeError for what is no recipient. */
export function makeHeader(recipients: readonly string[]): AgeHeader {
  if (recipients.length === 0) throw new RangeError('An encrypted file needs a recipient.')
  const fileKey = randomBytes(FILE_KEY_BYTES)
  const text = `${VERSION_LINE}\n${recipients.map((recipient) => wrapFileKey(fileKey, recipient)).join('')}---`
  return { header: Buffer.from(`${text} ${toBase64(macOf(fileKey, text))}\n`, 'latin1'), fileKey }
}

/** Bytes of the header that `bytes` begin with; null if its end is not among them. Throws RangeError if no age file begins here. */
export function headerLength(bytes: Uint8Array): number | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, MAX_HEADER_BYTES)).toString('latin1')
  const first = `${VERSION_LINE}\n`
  if (!text.startsWith(first.slice(0, text.length))) throw new RangeError('This is not a file in age format.')
  const macAt = text.indexOf('\n--- ')
  const end = macAt === -1 ? -1 : text.indexOf('\n', macAt + 1)
  if (end === -1 && bytes.length >= MAX_HEADER_BYTES) throw new RangeError('The header of an encrypted file has no end.')
  return end === -1 ? null : end + 1
}

interface Wrapped {
  share: Buffer
  sealed: Buffer
}

/** What is wrapped for X25519 keys; other kinds of recipients may stand beside them and are left alone. */
function stanzasOf(text: string): Wrapped[] {
  const lines = text.split('\n')
  return lines.flatMap((line, index) => {
    const [arrow, type, shareText, ...more] = line.split(' ')
    if (arrow !== '->' || type !== STANZA) return []
    const share = shareText === undefined || more.length > 0 ? null : fromBase64(shareText)
    const sealed = fromBase64(lines[index + 1] ?? '')
    if (share?.length !== 32 || sealed?.length !== FILE_KEY_BYTES + 16) throw new RangeError('The header of an encrypted file is damaged.')
    return [{ share, sealed }]
  })
}

/** Null = it was wrapped for another key, or changed: the two look the same. */
function unwrapFileKey({ share, sealed }: Wrapped, identity: KeyObject): Buffer | null {
  try {
    const secret = diffieHellman({ privateKey: identity, publicKey: publicKey(share) })
    const decipher = createDecipheriv(cipherName, wrapKey(secret, share, rawPublic(createPublicKey(identity))), zeroNonce, tagLength)
    decipher.setAuthTag(sealed.subarray(FILE_KEY_BYTES))
    return Buffer.concat([decipher.update(sealed.subarray(0, FILE_KEY_BYTES)), decipher.final()])
  } catch {
    return null // OpenSSL has no other way to say that the tag does not fit, or that the share is no point
  }
}

export interface OpenedHeader {
  fileKey: Uint8Array
  headerBytes: number
}

/**
 * File key out of the header that `bytes` begin with. `name` is the file, for messages. Throws `key-missing` without an identity, `key-wrong` if
 * none of them is for this file, RangeError if the header is damaged or incomplete.
 */
export function openHeader(bytes: Uint8Array, identities: readonly string[], name: string): OpenedHeader {
  const headerBytes = headerLength(bytes)
  if (headerBytes === null) throw new RangeError(`${name}: an encrypted file ends inside its header.`)
  if (identities.length === 0) throw problem('key-missing', `${name} is encrypted, and no key was given to open it`)
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, headerBytes).toString('latin1')
  const macAt = text.lastIndexOf(' ')
  const keys = identities.map((identity) => privateKey(keyBytes(identity, 'age-secret-key-', 'identity')))
  for (const wrapped of stanzasOf(text)) {
    for (const key of keys) {
      const fileKey = unwrapFileKey(wrapped, key)
      if (fileKey === null) continue
      const mac = fromBase64(text.slice(macAt + 1, -1))
      if (mac?.length !== 32 || !timingSafeEqual(mac, macOf(fileKey, text.slice(0, macAt)))) throw new RangeError(`${name}: the header of an encrypted file is damaged.`)
      return { fileKey, headerBytes }
    }
  }
  throw problem('key-wrong', `The key given does not open ${name}`)
}

/** A whole small file, such as an index or one WAL segment. */
export function sealBytes(plain: Uint8Array, recipients: readonly string[]): Buffer {
  const sealer = ageSealer(makeHeader(recipients))
  return Buffer.concat([...sealer.push(plain), ...sealer.end()])
}

export function openBytes(file: Uint8Array, identities: readonly string[], name: string): Buffer {
  const { fileKey, headerBytes } = openHeader(file, identities, name)
  const opener = payloadOpener(fileKey)
  return Buffer.concat([...opener.push(file.subarray(headerBytes)), ...opener.end()])
}

/** Decrypts a stream from its header on; throws as `openHeader` and `payloadOpener` do. */
export function ageOpener(identities: readonly string[], name: string): { push(bytes: Uint8Array): Buffer[]; end(): Buffer[] } {
  let head: Buffer = Buffer.alloc(0)
  let payload: ReturnType<typeof payloadOpener> | null = null
  return {
    push(bytes) {
      if (payload !== null) return payload.push(bytes)
      head = Buffer.concat([head, bytes])
      if (headerLength(head) === null) return []
      const { fileKey, headerBytes } = openHeader(head, identities, name)
      payload = payloadOpener(fileKey)
      return payload.push(head.subarray(headerBytes))
    },
    end() {
      if (payload === null) throw new RangeError(`${name}: an encrypted file ends inside its header.`)
      return payload.end()
    },
  }
}
