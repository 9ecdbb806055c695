/** Encryption in the worker: for whom a source is encrypted, encrypting while something is stored, and the identities that open it again. */
import { createHash } from 'node:crypto'
import { findKey, findSealedIdentity } from '#lib/db/keys.ts'
import type { CheckLine } from '#lib/domain/check.ts'
import type { Encryption } from '#lib/domain/encryption.ts'
import { problem, toProblem } from '#lib/domain/problem.ts'
import { placesConflict } from '#lib/domain/settings.ts'
import type { FrozenSource } from '#lib/domain/run-input.ts'
import { ageSealer, sealedSize } from '#lib/image/age.ts'
import { makeHeader, openBytes } from '#lib/image/age-header.ts'
import { SEALED } from '#lib/image/layout.ts'
import { ageIdentities } from '#lib/secrets/age-identity.ts'
import type { Storage } from '#lib/storage/storage.ts'
import type { WorkerParts } from './parts.ts'

export interface Stored {
  sizeBytes: number
  sha256: string
}

/** Null = nothing is to be encrypted. Throws `key-missing` when it is, and the key is not there, or `invalid-input` when it does not go with compression: then nothing may be written. */
export function encryptionOf({ name, settings, encryption }: FrozenSource): Encryption | null {
  const conflict = placesConflict(settings)
  if (conflict !== null) throw problem('invalid-input', `${name}: ${conflict}`, { hint: 'In Backup ▸ What, compress on the host, or encrypt on the console too.' })
  if (settings.encryption === 'none') return null
  if (encryption === null) throw problem('key-missing', `${name} is to be encrypted, and there is no key to encrypt it for`, { hint: 'Make a key in Admin ▸ Keys, or choose an active one in Backup ▸ What.' })
  return encryption
}

/** What the console makes of a file on its way into storage: compresses it, encrypts it, or both in this order. */
export interface Making {
  /** Null = it is not encrypted here. */
  recipient: string | null
  /** Absent = it is not compressed here. */
  pack?: (body: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>
}

/**
 * Stores what is made of `body` under `key`, whole or not at all, and only if the body is what was announced (`plain`). Begins anew each time: the file key
 * is in memory only, so a half-written object cannot be gone on with. Answers what lies in storage.
 */
export async function storeMade({ storage, key, recipient, pack, plain, body }: Making & { storage: Storage; key: string; plain: Stored; body: AsyncIterable<Uint8Array> }): Promise<Stored> {
  const made = recipient === null ? null : makeHeader([recipient])
  const sealer = made === null ? null : ageSealer(made)
  const [plainHash, storedHash] = [createHash('sha256'), createHash('sha256')]
  // How small it becomes is not known before.
  const known = pack !== undefined ? {} : { sizeBytes: made === null ? plain.sizeBytes : sealedSize(plain.sizeBytes, made.header.length) }
  const upload = await storage.openUpload(key, { ...known, resume: false })
  let sizeBytes = 0
  try {
    const write = async (pieces: readonly Uint8Array[]): Promise<void> => {
      for (const piece of pieces) {
        storedHash.update(piece)
        sizeBytes += piece.length
      }
      await upload.write(Buffer.concat(pieces))
    }
    const hashed = async function* (): AsyncGenerator<Uint8Array> {
      for await (const chunk of body) {
        plainHash.update(chunk)
        yield chunk
      }
    }
    for await (const chunk of pack === undefined ? hashed() : pack(hashed())) await write(sealer === null ? [chunk] : sealer.push(chunk))
    if (sealer !== null) await write(sealer.end())
    const found = plainHash.digest('hex')
    if (found !== plain.sha256) throw problem('storage-corrupt', `What arrived for ${key} is not what was sent`, { detail: `Expected sha256 ${plain.sha256}, received ${found}.` })
    const stored = { sizeBytes, sha256: storedHash.digest('hex') }
    await upload.commit(stored)
    return stored
  } catch (error) {
    await upload.abort()
    throw error
  }
}

/** Size and digest of an object as it lies in storage; null when it is not there. */
export async function storedAs(storage: Storage, key: string): Promise<Stored | null> {
  if ((await storage.stat(key)) === null) return null
  const hash = createHash('sha256')
  let sizeBytes = 0
  for await (const chunk of await storage.read(key)) {
    const bytes = chunk as Uint8Array
    hash.update(bytes)
    sizeBytes += bytes.length
  }
  return { sizeBytes, sha256: hash.digest('hex') }
}

/** Identities of these keys. Throws `key-missing` for one that the catalog does not have. Keep them in memory only. */
export async function identitiesOf({ db, sealer }: Pick<WorkerParts, 'db' | 'sealer'>, keyIds: readonly (string | null)[]): Promise<string[]> {
  const ids = [...new Set(keyIds)].filter((id) => id !== null)
  return Promise.all(ids.map(async (id) => {
    const [key, sealed] = await Promise.all([findKey(db, id), findSealedIdentity(db, id)])
    if (key === null || sealed === null) throw problem('key-missing', 'The key that this was encrypted for is not in the catalog', { detail: `Its id is ${id}.` })
    return sealer.open(sealed).reveal()
  }))
}

/** A stored object as it was before encryption, every chunk proved; what is not encrypted is answered as it is. Throws key-missing, key-wrong or storage-corrupt. */
export function opened(bytes: Buffer, name: string, identities: readonly string[]): Buffer {
  if (!name.endsWith(SEALED)) return bytes
  try {
    return openBytes(bytes, identities, name)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw problem('storage-corrupt', `${name} is damaged in storage`, { detail: error.message, cause: error })
  }
}

/** Whether what is encrypted could be read again; null where nothing is. */
export async function keyLine(parts: Pick<WorkerParts, 'db' | 'sealer'>, source: FrozenSource): Promise<CheckLine | null> {
  const line = (status: CheckLine['status'], message: string, fix?: string): CheckLine => ({ id: 'encryption-key', status, message, ...(fix === undefined ? {} : { fix: { kind: 'text', text: fix } }) })
  try {
    const encryption = encryptionOf(source)
    if (encryption === null) return null
    const [identity = ''] = await identitiesOf(parts, [encryption.keyId])
    if ((await ageIdentities.recipientOf(identity)) !== encryption.recipient) return line('error', `The identity of ${encryption.keyName} is not the one of its recipient`, `Import the identity of ${encryption.recipient} from its printed kit under another name, and choose that key.`)
    const key = await findKey(parts.db, encryption.keyId)
    if (key?.kitConfirmedAt === null) return line('warn', `The kit of ${encryption.keyName} was never printed: with this console its images would be lost`, `Open ${encryption.keyName} in Admin ▸ Keys, print its kit and confirm that it lies in a safe place.`)
    return line('ok', `${encryption.keyName} encrypts, and opens what it encrypted`)
  } catch (error) {
    const { message, hint } = toProblem(error)
    return line('error', message, hint)
  }
}
