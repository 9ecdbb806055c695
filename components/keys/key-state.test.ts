import { expect, test } from 'vitest'
import { keyState } from './key-state.ts'

test('a kit that was never printed is said before anything else [L8]', () => {
  const at = '2026-03-12T08:00:00Z'
  expect(keyState({ retiredAt: null, kitConfirmedAt: null, isDefault: true })).toEqual({ state: 'strange', word: 'Kit not printed' })
  expect(keyState({ retiredAt: at, kitConfirmedAt: null, isDefault: false }).word).toBe('Kit not printed')
  expect(keyState({ retiredAt: at, kitConfirmedAt: at, isDefault: false })).toEqual({ state: 'cancelled', word: 'Retired' })
  expect(keyState({ retiredAt: null, kitConfirmedAt: at, isDefault: true }).word).toBe('Active, default')
  expect(keyState({ retiredAt: null, kitConfirmedAt: at, isDefault: false })).toEqual({ state: 'ok', word: 'Active' })
})
