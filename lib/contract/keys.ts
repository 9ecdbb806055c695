/** Operations on encryption keys. The private half of a key leaves the console by `export` only. */
import * as z from 'zod'
import { Recipient } from '#lib/domain/encryption.ts'
import { operation } from './operation.ts'
import { Comment, Id, Name, Saved, Time } from './shapes.ts'

export const Key = z.object({
  id: Id, name: z.string(), comment: z.string(), recipient: Recipient, isDefault: z.boolean(), isImported: z.boolean(), createdAt: Time, createdBy: z.string(),
  kitConfirmedAt: Time.nullable(), kitConfirmedBy: z.string().nullable(), retiredAt: Time.nullable(), images: z.int(), walFiles: z.int(),
  /** Scopes of settings that choose it by name, such as 'set nightly'. */
  chosenBy: z.array(z.string()),
})
export type Key = z.infer<typeof Key>
/** `text` is the key file as `age -d -i` takes it. */
export const ExportedKey = z.object({ name: z.string(), recipient: Recipient, createdAt: Time, identity: z.string(), text: z.string() })
export type ExportedKey = z.infer<typeof ExportedKey>
const byId = z.object({ id: Id })
const fields = { name: Name, comment: Comment.default('') }

export const keys = {
  list: operation('GET', '/keys', 'read', 'List encryption keys').output(z.array(Key)),
  /** The first key is the default one. */
  create: operation('POST', '/keys', 'admin', 'Make an encryption key').input(z.object(fields)).output(Key),
  /** `identity` may be a whole key file of age-keygen. */
  import: operation('POST', '/keys/import', 'admin', 'Take in an age identity that was made elsewhere').input(z.object({ ...fields, identity: z.string().min(1, 'is required').max(10_000) })).output(Key),
  makeDefault: operation('POST', '/keys/{id}/make-default', 'admin', 'Use a key wherever settings name none').input(byId).output(Key),
  /** Rotation: nothing new is encrypted for it, and every choice of it goes to the replacement; old images keep it. */
  retire: operation('POST', '/keys/{id}/retire', 'admin', 'Retire an encryption key').input(z.object({ id: Id, replacementId: Id.nullable().default(null) })).output(Saved),
  activate: operation('POST', '/keys/{id}/activate', 'admin', 'Let a retired key be chosen again').input(byId).output(Key),
  /** The private half: written to the audit. */
  export: operation('POST', '/keys/{id}/export', 'admin', 'Show the identity of a key').input(byId).output(ExportedKey),
  confirmKit: operation('POST', '/keys/{id}/confirm-kit', 'admin', 'Say that the printed kit of a key lies in a safe place').input(byId).output(Key),
}
