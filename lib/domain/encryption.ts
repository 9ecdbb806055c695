/** Encryption of images in age's words: a recipient encrypts and may be known to all, its identity decrypts and is a secret. */
import * as z from 'zod'

export const encryptionPlaces = ['none', 'host', 'console'] as const
export type EncryptionPlace = (typeof encryptionPlaces)[number]

const BECH32 = '[02-9ac-hj-np-z]'
/** Public half of an X25519 key. Source: https://age-encryption.org/v1 */
export const Recipient = z.string().regex(new RegExp(`^age1${BECH32}{58}$`), 'must be a recipient of age (age1…)')
const identityPattern = new RegExp(`AGE-SECRET-KEY-1${BECH32.toUpperCase()}{58}`)

/** The first identity in a text, such as a key file of age-keygen or one line of it; null when there is none. */
export const findIdentity = (text: string): string | null => identityPattern.exec(text)?.[0] ?? null

/** Frozen into a run: where encryption is done, and for whom. Never a secret. */
export const Encryption = z.object({ where: z.enum(['host', 'console']), keyId: z.uuid(), keyName: z.string(), recipient: Recipient })
export type Encryption = z.infer<typeof Encryption>

export interface ActiveKey {
  id: string
  name: string
  recipient: string
  isDefault: boolean
}

/** Chosen instead of a key by its name; no name of a key begins with a bracket. */
export const DEFAULT_KEY = '(default)'

/** The active key that settings choose. Null when there is none. */
export const chosenKey = <K extends Pick<ActiveKey, 'name' | 'isDefault'>>(name: string, active: readonly K[]): K | null => active.find((key) => (name === DEFAULT_KEY ? key.isDefault : key.name === name)) ?? null

/** Null for none, and when the chosen key is not there: whoever writes must tell these apart by `settings.encryption`. */
export function resolveEncryption(settings: { encryption: EncryptionPlace; encryptionKey: string }, active: readonly ActiveKey[]): Encryption | null {
  if (settings.encryption === 'none') return null
  const key = chosenKey(settings.encryptionKey, active)
  return key === null ? null : { where: settings.encryption, keyId: key.id, keyName: key.name, recipient: key.recipient }
}

export interface KeyKit {
  name: string
  createdAt: string
  recipient: string
  identity: string
}

/** A key file as age and age-keygen read and write it. */
export const keyFile = ({ name, createdAt, recipient, identity }: KeyKit): string => `# Howdah key ${name}\n# created: ${createdAt}\n# public key: ${recipient}\n${identity}\n`

/** What a person types to open what was encrypted for a key; RESTORE.md beside the backups has the whole way back. */
export const commandsByHand = [
  { title: 'Unpack the data directory of an image: once for each stripe (data-1, data-2, …)', command: 'for volume in data-1.*.tar.zst.age; do age -d -i key.txt "$volume"; done | zstd -dc | tar xpf -' },
  { title: 'Unpack one WAL segment', command: 'age -d -i key.txt 000000010000000000000001.zst.age | zstd -dc > 000000010000000000000001' },
] as const
