/** Encryption keys: making and importing them, rotation, and the one way by which an identity is shown. */
import type { Catalog } from '#lib/db/catalog.ts'
import type { KeyRow } from '#lib/db/keys.ts'
import { chosenKey, DEFAULT_KEY, findIdentity, keyFile } from '#lib/domain/encryption.ts'
import { problem } from '#lib/domain/problem.ts'
import { settings } from '#lib/domain/settings.ts'
import { countInWords, listInWords } from '#lib/domain/words.ts'
import type { Secret } from '#lib/secrets/secret.ts'
import { record } from './audit.ts'
import type { Actor, Console } from './console.ts'
import { found, invalid, iso, isoOrNull, mustBeFree } from './invalid.ts'
import { type Scopes, shownSettings } from './settings.ts'
import type { Input, Output } from './shapes.ts'

type Key = Output<'key', 'list'>[number]

const shown = ({ createdAt, kitConfirmedAt, retiredAt, ...key }: KeyRow, chosenBy: string[]): Key => ({ ...key, createdAt: iso(createdAt), kitConfirmedAt: isoOrNull(kitConfirmedAt), retiredAt: isoOrNull(retiredAt), chosenBy })

async function chosenBy(db: Catalog): Promise<Map<string | null, string[]>> {
  const choices = Map.groupBy(await db.keys.listKeyChoices(), (choice) => choice.encryptionKey)
  return new Map([...choices].map(([name, of]) => [name, of.map(({ scope }) => scope)]))
}

const findKey = async (db: Catalog, id: string): Promise<KeyRow> => found(await db.keys.findKey(id), 'encryption key')
const readKey = async (db: Catalog, id: string): Promise<Key> => {
  const key = await findKey(db, id)
  return shown(key, (await chosenBy(db)).get(key.name) ?? [])
}

export async function listKeys({ db }: Console): Promise<Key[]> {
  const [keys, choices] = await Promise.all([db.keys.listKeys(), chosenBy(db)])
  return keys.map((key) => shown(key, choices.get(key.name) ?? []))
}

interface Pair {
  identity: Secret | string
  recipient: string
}

/** The first active key becomes the default one, so that choosing to encrypt is enough. */
async function insert(console: Console, actor: Actor, { identity, recipient }: Pair, { name, comment, isImported }: { name: string; comment: string; isImported: boolean }): Promise<Key> {
  const identitySealed = console.sealer.seal(identity)
  return console.db.transaction(async (db) => {
    await db.keys.lockKeys()
    mustBeFree(await db.keys.findKeyIdByName(name), null, 'encryption key', name)
    const same = await db.keys.findKeyNameByRecipient(recipient)
    if (same !== null) throw invalid('identity', `This is the identity of ${same}, which is here already`, 'Nothing needs to be done: images of that key can be opened.')
    const isDefault = !(await db.keys.listActiveKeys()).some((key) => key.isDefault)
    const at = console.now()
    // Who imports a key has it elsewhere already.
    const kit = isImported ? { kitConfirmedAt: at, kitConfirmedBy: actor.name } : { kitConfirmedAt: null, kitConfirmedBy: null }
    const key = await db.keys.insertKey({ name, comment, recipient, identitySealed, isDefault, isImported, createdAt: at, createdBy: actor.name, ...kit })
    await record(db, console, actor, { action: isImported ? 'key.import' : 'key.create', subject: name, subjectId: key.id, detail: recipient })
    return shown(key, [])
  })
}

export const createKey = async (console: Console, actor: Actor, input: Input<'key', 'create'>): Promise<Key> => insert(console, actor, await console.identities.make(), { ...input, isImported: false })

export async function importKey(console: Console, actor: Actor, { identity: text, ...input }: Input<'key', 'import'>): Promise<Key> {
  const identity = findIdentity(text)
  const recipient = identity === null ? null : await console.identities.recipientOf(identity)
  if (identity === null || recipient === null) throw invalid('identity', 'There is no identity of age in this text', 'Paste the line that begins with AGE-SECRET-KEY-1, whole and unchanged; a key protected by a passphrase is decrypted first with age -d.')
  return insert(console, actor, { identity, recipient }, { ...input, isImported: true })
}

export async function makeDefaultKey(console: Console, actor: Actor, { id }: Input<'key', 'makeDefault'>): Promise<Key> {
  return console.db.transaction(async (db) => {
    await db.keys.lockKeys()
    const key = await findKey(db, id)
    if (key.retiredAt !== null) throw problem('conflict', `${key.name} is retired`, { hint: 'Activate it first, or choose another key.' })
    if (!key.isDefault) {
      await db.keys.updateDefaultKey(id)
      await record(db, console, actor, { action: 'key.makeDefault', subject: key.name, subjectId: id })
    }
    return readKey(db, id)
  })
}

/** Where a key that goes would leave a hole: scopes that choose it, and those that encrypt with the default key if it is that. */
async function users(db: Catalog, key: Pick<KeyRow, 'name' | 'isDefault'>): Promise<string[]> {
  const choices = await db.keys.listKeyChoices()
  return choices.filter((choice) => choice.encryptionKey === key.name || (key.isDefault && choice.encryption !== null && choice.encryption !== 'none')).map((choice) => choice.scope)
}

export async function retireKey(console: Console, actor: Actor, { id, replacementId }: Input<'key', 'retire'>): Promise<Output<'key', 'retire'>> {
  return console.db.transaction(async (db) => {
    await db.keys.lockKeys()
    const key = await findKey(db, id)
    if (key.retiredAt !== null) return { changes: [], notice: `${key.name} is retired already.` }
    const usedBy = await users(db, key)
    const replacement = replacementId === null ? null : await findKey(db, replacementId)
    if (replacement !== null && (replacement.id === id || replacement.retiredAt !== null)) throw invalid('replacementId', `${replacement.name} cannot take its place`, 'Choose another active key.')
    if (replacement === null && usedBy.length > 0) throw invalid('replacementId', `${listInWords(usedBy)} would have no key`, 'Choose the key that takes its place; make one first if there is none.')
    if (key.isDefault) await db.keys.updateDefaultKey(replacementId)
    if (replacement !== null) await db.keys.replaceKeyChoice(key.name, replacement.name)
    await db.keys.updateKeyRetired(id, console.now())
    await record(db, console, actor, { action: 'key.retire', subject: key.name, subjectId: id, detail: replacement === null ? null : `${replacement.name} takes its place` })
    return {
      changes: [{ field: key.name, before: 'active', after: 'retired' }, ...(replacement === null ? [] : [{ field: 'New images are encrypted for', before: key.name, after: replacement.name }])],
      notice: `${countInWords(key.images, 'image')} and ${countInWords(key.walFiles, 'WAL file')} stay readable with ${key.name}: keep its kit as long as they are kept.`,
    }
  })
}

export async function activateKey(console: Console, actor: Actor, { id }: Input<'key', 'activate'>): Promise<Key> {
  return console.db.transaction(async (db) => {
    await db.keys.lockKeys()
    const key = await findKey(db, id)
    if (key.retiredAt !== null) {
      await db.keys.updateKeyRetired(id, null)
      await record(db, console, actor, { action: 'key.activate', subject: key.name, subjectId: id })
    }
    return readKey(db, id)
  })
}

/** The audit entry comes first: an identity is not shown without one. */
export async function exportKey(console: Console, actor: Actor, { id }: Input<'key', 'export'>): Promise<Output<'key', 'export'>> {
  const key = await findKey(console.db, id)
  const identity = console.sealer.open(found(await console.db.keys.findSealedIdentity(id), 'encryption key'))
  await console.db.transaction((db) => record(db, console, actor, { action: 'key.export', subject: key.name, subjectId: id, detail: 'Its identity was shown' }))
  const kit = { name: key.name, recipient: key.recipient, createdAt: iso(key.createdAt), identity: identity.reveal() }
  return { ...kit, text: keyFile(kit) }
}

export async function confirmKit(console: Console, actor: Actor, { id }: Input<'key', 'confirmKit'>): Promise<Key> {
  return console.db.transaction(async (db) => {
    const key = await findKey(db, id)
    await db.keys.updateKit(id, { kitConfirmedAt: console.now(), kitConfirmedBy: actor.name })
    await record(db, console, actor, { action: 'key.confirmKit', subject: key.name, subjectId: id })
    return readKey(db, id)
  })
}

/** Refuses settings of a scope that would encrypt without a key, and a key that is not there. */
export async function mustHaveKey(db: Catalog, scopes: Scopes): Promise<void> {
  const { values, overrides } = shownSettings(scopes)
  const keys = await db.keys.listActiveKeys()
  const chosen = overrides.encryptionKey ?? DEFAULT_KEY
  if (chosen !== DEFAULT_KEY && chosenKey(chosen, keys) === null) throw invalid('overrides.encryptionKey', `There is no active key named ${chosen}`, 'Choose one of the keys in Admin ▸ Keys.')
  if (values.encryption !== 'none' && chosenKey(values.encryptionKey, keys) === null) throw invalid('overrides.encryption', `${settings.encryption.label} needs a key, and there is none`, 'Make one in Admin ▸ Keys first.')
}
