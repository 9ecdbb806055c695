/** How the state of a check looks: shape and word, never colour alone. */
import type { State } from '#components/ui/state.ts'
import type { CheckStatus } from '#lib/domain/check.ts'

export const checkMarks = {
  ok: { state: 'ok', word: 'OK' },
  info: { state: 'unknown', word: 'Note' },
  warn: { state: 'strange', word: 'WARN' },
  error: { state: 'failed', word: 'ERROR' },
  never: { state: 'unknown', word: 'Never checked' },
} as const satisfies Record<CheckStatus | 'never', { state: State; word: string }>
