import { describe, expect, test } from 'vitest'
import type { SourceHealth } from '#lib/contract/shapes.ts'
import { headline, rpoState, worstClause } from './safety.ts'

const source = (name: string, change: Partial<SourceHealth> = {}): SourceHealth => ({
  id: '00000000-0000-4000-8000-000000000001', name, setId: '00000000-0000-4000-8000-000000000002', setName: 'nightly', hostId: '00000000-0000-4000-8000-000000000003', hostName: 'db1', major: 18, isActive: true, state: 'ok', isRecoverable: true,
  clauses: [], window: { intervals: [], gaps: [], images: [], earliest: null, latest: null }, rpoSeconds: 14, rpoTargetSeconds: 300, rtoSeconds: 60, backlogBytes: 0, lastBackupAt: null, lastBackupState: null, nextRunAt: null, sizeBytes: null, archive: null, storedBytes: 0, ...change,
})

describe('the headline [P1]', () => {
  test('all well', () => expect(headline([source('shop'), source('crm')], 0)).toEqual({ state: 'ok', text: 'All 2 sources recoverable', detail: 'Nothing needs attention.' }))
  test('a source that cannot be restored is named and outweighs all else', () =>
    expect(headline([source('shop'), source('billing', { isRecoverable: false })], 4)).toEqual({ state: 'failed', text: '1 of 2 sources recoverable', detail: 'billing cannot be restored from here.' }))
  test('a missed target is amber although everything is recoverable', () => expect(headline([source('shop', { rpoSeconds: 301 })], 0).state).toBe('strange'))
  test('other findings are amber', () => expect(headline([source('shop'), source('crm')], 1).detail).toBe('1 thing below needs attention.'))
  test('sources left out do not count, and leaving out all of them is never green', () => {
    expect(headline([source('shop'), source('old', { isActive: false, isRecoverable: false })], 0).state).toBe('ok')
    expect(headline([source('old', { isActive: false })], 0).state).toBe('unknown')
  })
  test('many names are counted', () => expect(headline(['a', 'b', 'c', 'd', 'e'].map((name) => source(name, { isRecoverable: false })), 0).detail).toBe('a, b and 3 more cannot be restored from here.'))
})

test('an unknown exposure is unknown, never green', () => {
  expect(rpoState({ rpoSeconds: null, rpoTargetSeconds: 300 })).toBe('unknown')
  expect(rpoState({ rpoSeconds: 300, rpoTargetSeconds: 300 })).toBe('ok')
})

test('the worst clause speaks for the source', () => {
  const clause = (id: string, status: 'ok' | 'warn' | 'error' | 'unknown') => ({ id, status, text: id, fix: null })
  expect(worstClause(source('x', { clauses: [clause('a', 'ok'), clause('b', 'unknown'), clause('c', 'warn'), clause('d', 'error')] }))?.id).toBe('d')
  expect(worstClause(source('x', { clauses: [clause('a', 'ok')] }))).toBe(null)
})
