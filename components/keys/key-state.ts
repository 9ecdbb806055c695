/** The state of a key, worst first: what was never printed may be lost with the console. */
import type { State } from '#components/ui/state.ts'
import type { Key } from '#lib/contract/keys.ts'

export interface KeyState {
  state: State
  word: string
}

export function keyState(key: Pick<Key, 'retiredAt' | 'kitConfirmedAt' | 'isDefault'>): KeyState {
  if (key.kitConfirmedAt === null) return { state: 'strange', word: 'Kit not printed' }
  if (key.retiredAt !== null) return { state: 'cancelled', word: 'Retired' }
  return { state: 'ok', word: key.isDefault ? 'Active, default' : 'Active' }
}
