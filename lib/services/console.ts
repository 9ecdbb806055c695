/** What a use case is given: the console's parts as ports, and who acts. */
import type { Catalog } from '#lib/db/catalog.ts'
import type { Role } from '#lib/domain/role.ts'
import type { AgeIdentities } from '#lib/secrets/age-identity.ts'
import type { Sealer } from '#lib/secrets/seal.ts'
import type { SourceMemory } from './source-facts.ts'

export interface Queue {
  /** Tells the workers that a queued run waits. Idempotent; a message that is lost is made good by the worker's own look at queued rows. */
  enqueue(runId: string): Promise<void>
}

export interface Passwords {
  /** Slow on purpose. */
  hash(password: string): Promise<string>
  verify(password: string, hash: string): Promise<boolean>
}

/** The one-time token of the first start. */
export interface SetupToken {
  /** Null when none was written, or it was used. */
  read(): Promise<string | null>
  /** Makes it void. Idempotent. */
  remove(): Promise<void>
}

export interface Log {
  info(what: object, text: string): void
  error(what: object, text: string): void
}

export interface Console {
  db: Catalog
  queue: Queue
  sealer: Sealer
  identities: AgeIdentities
  passwords: Passwords
  setup: SetupToken
  now: () => Date
  version: string
  log: Log
  memory: SourceMemory
}

export interface Actor {
  /** Null for the console itself. */
  id: string | null
  name: string
  role: Role
  /** The session that asks; null for API tokens and the console itself. */
  sessionId: string | null
}

/** The schedule and the loops of the worker act as this. */
export const system: Actor = { id: null, name: 'Howdah', role: 'administrator', sessionId: null }
