/** Encryption keys: their public half in clear, their identity sealed. */
import type { Tx } from './client.ts'
import type { EncryptionKey } from './generated/client.ts'

const counted = { _count: { select: { images: true, walFiles: true } } } as const
const withoutIdentity = { identitySealed: true } as const

export type KeyRow = Omit<EncryptionKey, 'identitySealed'> & { images: number; walFiles: number }
const keyRow = ({ _count, ...key }: Omit<EncryptionKey, 'identitySealed'> & { _count: { images: number; walFiles: number } }): KeyRow => ({ ...key, ..._count })

export async function listKeys(db: Tx): Promise<KeyRow[]> {
  return (await db.encryptionKey.findMany({ include: counted, omit: withoutIdentity, orderBy: { createdAt: 'asc' } })).map(keyRow)
}

/** Those that new images may be written for. */
export const listActiveKeys = (db: Tx): Promise<{ id: string; name: string; recipient: string; isDefault: boolean }[]> =>
  db.encryptionKey.findMany({ where: { retiredAt: null }, select: { id: true, name: true, recipient: true, isDefault: true }, orderBy: { name: 'asc' } })

export async function findKey(db: Tx, id: string): Promise<KeyRow | null> {
  const key = await db.encryptionKey.findUnique({ where: { id }, include: counted, omit: withoutIdentity })
  return key === null ? null : keyRow(key)
}

export const findKeyIdByName = async (db: Tx, name: string): Promise<string | null> => (await db.encryptionKey.findUnique({ where: { name }, select: { id: true } }))?.id ?? null
export const findKeyNameByRecipient = async (db: Tx, recipient: string): Promise<string | null> => (await db.encryptionKey.findUnique({ where: { recipient }, select: { name: true } }))?.name ?? null

/** Serialises what depends on which key is the default one; held until the transaction ends. */
export async function lockKeys(db: Tx): Promise<void> {
  await db.$executeRaw`lock table "EncryptionKey" in share row exclusive mode`
}

export interface NewKey {
  name: string
  comment: string
  recipient: string
  identitySealed: string
  isDefault: boolean
  isImported: boolean
  createdAt: Date
  createdBy: string
  /** An imported key lies elsewhere already. */
  kitConfirmedAt: Date | null
  kitConfirmedBy: string | null
}

export async function insertKey(db: Tx, key: NewKey): Promise<KeyRow> {
  return keyRow(await db.encryptionKey.create({ data: key, include: counted, omit: withoutIdentity }))
}

export async function updateDefaultKey(db: Tx, id: string | null): Promise<void> {
  await db.encryptionKey.updateMany({ where: { isDefault: true, ...(id === null ? {} : { id: { not: id } }) }, data: { isDefault: false } })
  if (id !== null) await db.encryptionKey.update({ where: { id }, data: { isDefault: true }, select: { id: true } })
}

export async function updateKeyRetired(db: Tx, id: string, retiredAt: Date | null): Promise<void> {
  await db.encryptionKey.update({ where: { id }, data: { retiredAt }, select: { id: true } })
}

export async function updateKit(db: Tx, id: string, kit: { kitConfirmedAt: Date; kitConfirmedBy: string }): Promise<void> {
  await db.encryptionKey.update({ where: { id }, data: kit, select: { id: true } })
}

/** What is sealed of a key. */
export const findSealedIdentity = async (db: Tx, id: string): Promise<string | null> => (await db.encryptionKey.findUnique({ where: { id }, select: { identitySealed: true } }))?.identitySealed ?? null

export interface KeyChoice {
  /** Name of the chosen key, or DEFAULT_KEY; null = inherited. */
  encryptionKey: string | null
  encryption: 'none' | 'host' | 'console' | null
  /** Where it is chosen, such as 'set nightly'. */
  scope: string
}

/** Every scope of settings that says something about encryption. */
export async function listKeyChoices(db: Tx): Promise<KeyChoice[]> {
  const rows = await db.settings.findMany({
    where: { OR: [{ encryption: { not: null } }, { encryptionKey: { not: null } }] },
    select: { encryption: true, encryptionKey: true, set: { select: { name: true } }, source: { select: { name: true, set: { select: { name: true } } } } },
  })
  return rows.map(({ set, source, ...choice }) => ({ ...choice, scope: set !== null ? `set ${set.name}` : source !== null ? `source ${source.set.name}/${source.name}` : 'global settings' }))
}

/** Settings that name one key name the other from here on; answers how many scopes that were. */
export async function replaceKeyChoice(db: Tx, from: string, to: string): Promise<number> {
  return (await db.settings.updateMany({ where: { encryptionKey: from }, data: { encryptionKey: to } })).count
}
