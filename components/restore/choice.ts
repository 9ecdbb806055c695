/** What a person chose to restore, as the address of the page says it. Pure. */
import * as z from 'zod'
import type { RecoveryTarget } from '#lib/contract/restores.ts'
import { Id, LsnText, Time } from '#lib/contract/shapes.ts'

export const targetKinds = ['latest', 'time', 'immediate', 'lsn', 'xid', 'name'] as const
export type TargetKind = (typeof targetKinds)[number]

export interface Choice {
  kind: TargetKind
  /** What the kind asks for: a time in ISO 8601, an LSN, a transaction id, a name; empty where it asks for nothing. */
  value: string
  inclusive: boolean
  /** Forced base; null = the planner's. */
  imageId: string | null
  /** null = the newest. */
  timeline: number | null
}

export const targetWords = {
  latest: { label: 'Newest state', about: 'Everything that is in storage.', value: null },
  time: { label: 'A time', about: 'As it was at a moment, to the second.', value: 'Time' },
  immediate: { label: 'End of a backup', about: 'As soon as the copy is consistent; no WAL beyond it.', value: null },
  lsn: { label: 'A WAL position', about: 'Up to an LSN.', value: 'LSN' },
  xid: { label: 'A transaction', about: 'Up to a transaction id.', value: 'Transaction id' },
  name: { label: 'A restore point', about: 'Made before by pg_create_restore_point().', value: 'Name of the restore point' },
} as const satisfies Record<TargetKind, { label: string; about: string; value: string | null }>

const Kind = z.enum(targetKinds).catch('latest')
const Timeline = z.coerce.number().int().min(1).nullable().catch(null)

export function readChoice(get: (name: string) => string | null): Choice {
  return {
    kind: Kind.parse(get('target') ?? 'latest'), value: get('at') ?? '', inclusive: get('before') !== '1',
    imageId: Id.safeParse(get('image')).data ?? null, timeline: get('timeline') === null ? null : Timeline.parse(get('timeline')),
  }
}

/** The parameters of the address; what is the default stays out. */
export function choiceParams(choice: Choice): Record<'target' | 'at' | 'before' | 'image' | 'timeline', string | null> {
  return {
    target: choice.kind === 'latest' ? null : choice.kind, at: targetWords[choice.kind].value === null ? null : choice.value,
    before: choice.inclusive || targetWords[choice.kind].value === null || choice.kind === 'name' ? null : '1', image: choice.imageId, timeline: choice.timeline === null ? null : String(choice.timeline),
  }
}

/** The target as the API takes it, or what is wrong with the value. */
export function targetOf({ kind, value, inclusive }: Choice): { target: RecoveryTarget } | { wrong: string } {
  const text = value.trim()
  switch (kind) {
    case 'latest':
    case 'immediate':
      return { target: { kind } }
    case 'time':
      return Time.safeParse(text).success ? { target: { kind, at: text, inclusive } } : { wrong: 'Choose a moment on the timeline, or type one.' }
    case 'lsn':
      return LsnText.safeParse(text).success ? { target: { kind, lsn: text, inclusive } } : { wrong: 'A WAL position looks like 3/A1F0.' }
    case 'xid':
      return /^[0-9]{1,10}$/.test(text) ? { target: { kind, xid: text, inclusive } } : { wrong: 'A transaction id is a number, as in the log of the server.' }
    case 'name':
      return text.length > 0 && text.length <= 63 ? { target: { kind, name: text } } : { wrong: 'Give the name that pg_create_restore_point() was called with.' }
    default:
      return kind satisfies never
  }
}
