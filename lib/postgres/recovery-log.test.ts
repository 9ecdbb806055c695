import { expect, test } from 'vitest'
import { parseLsn } from './lsn.ts'
import { readRecoveryLog, standing } from './recovery-log.ts'

const at = '2026-11-21 08:00:00.123 UTC [42] '
const lines = (...said: string[]): string[] => said.map((line) => `${at}${line}`)
const begin = ['LOG:  starting point-in-time recovery to 2026-11-21 07:00:00+00', 'LOG:  restored log file "00000002.history" from archive', 'LOG:  restored log file "000000010000000000000003" from archive', 'LOG:  redo starts at 0/3000028', 'LOG:  consistent recovery state reached at 0/3000100', 'FATAL:  the database system is starting up', 'LOG:  restored log file "000000010000000000000004" from archive']
const end = ['LOG:  redo done at 0/4000110 system usage: CPU: user: 0.00 s', 'LOG:  last completed transaction was at log time 2026-11-21 06:59:59.5+00', 'LOG:  selected new timeline ID: 3', 'LOG:  archive recovery complete', 'LOG:  database system is ready to accept connections']
const segments = ['000000010000000000000003', '000000010000000000000004']
const with16 = { segments, segmentSizeBytes: 16_777_216 }

test('the log of a recovery is read: what was fetched, where redo ran from and to, and that it opened [K6]', () => {
  expect(readRecoveryLog(lines(...begin, ...end))).toEqual({ restoredFiles: 2, lastRestored: '000000010000000000000004', redoStart: parseLsn('0/3000028'), isConsistent: true, stop: null, redoEnd: parseLsn('0/4000110'), lastTransactionAt: '2026-11-21 06:59:59.5+00', timeline: 3, isComplete: true, isOpen: true, failures: [], tooLow: [] })
})

test('why a server did not open is its last FATAL with its detail', () => {
  const { failures } = readRecoveryLog(lines(...begin, 'FATAL:  recovery aborted because of insufficient parameter settings', 'DETAIL:  max_connections = 20 is a lower setting than on the primary server, where its value was 100.', 'LOG:  database system is shut down'))
  expect(failures).toEqual(['recovery aborted because of insufficient parameter settings max_connections = 20 is a lower setting than on the primary server, where its value was 100.'])
})

test.each([
  ['FATAL:  hot standby is not possible because max_connections = 40 is a lower setting than on the master server (its value was 130)', 'max_connections', 130],
  ['FATAL:  hot standby is not possible because max_locks_per_transaction = 64 is a lower setting than on the primary server (its value was 256)', 'max_locks_per_transaction', 256],
  ['DETAIL:  max_prepared_transactions = 0 is a lower setting than on the primary server, where its value was 9.', 'max_prepared_transactions', 9],
])('a setting below what the WAL was written with is read out of "%s" [K6]', (line, setting, wanted) => {
  expect(readRecoveryLog(lines(...begin, line, 'LOG:  database system is shut down')).tooLow).toEqual([{ setting, wanted }])
})

test('without a target it stands at the end only when redo came into the last segment [K2]', () => {
  const none = new Map<string, string>()
  expect(standing(readRecoveryLog(lines(...begin, ...end)), none, with16)).toMatchObject({ isAtTarget: true })
  expect(standing(readRecoveryLog(lines(...begin, ...end)), none, { ...with16, segments: [...segments, '000000010000000000000005'] })).toMatchObject({ isAtTarget: false, text: expect.stringContaining('before the last restored segment 000000010000000000000005') as string })
  expect(standing(readRecoveryLog([]), none, { ...with16, segments: [] })).toMatchObject({ isAtTarget: true })
})

test('to a time it stands where the next transaction ended after it, and nothing in it did [K6]', () => {
  const target = new Map([['recovery_target_time', '2026-11-21 07:00:00+00']])
  const stopped = (next: string, last = '2026-11-21 06:59:59.5+00') => standing(readRecoveryLog(lines(...begin, `LOG:  recovery stopping before commit of transaction 735, time ${next}`, `LOG:  last completed transaction was at log time ${last}`)), target, with16)
  expect(stopped('2026-11-21 07:00:00.000001+00')).toMatchObject({ isAtTarget: true })
  expect(stopped('2026-11-21 06:59:59.9+00')).toMatchObject({ isAtTarget: false })
  expect(stopped('2026-11-21 07:00:01+00', '2026-11-21 07:00:00.5+00')).toMatchObject({ isAtTarget: false })
  expect(standing(readRecoveryLog(lines(...begin, ...end)), target, with16)).toMatchObject({ isAtTarget: false, text: expect.stringContaining('did not stop at 2026-11-21 07:00:00+00') as string })
})

test('to the end of a backup, a position, a transaction and a name it stands by the server’s own word [K4]', () => {
  const stopped = (why: string, name: string, value: string) => standing(readRecoveryLog(lines(...begin, `LOG:  recovery stopping ${why}`)), new Map([[name, value]]), with16).isAtTarget
  expect(stopped('after reaching consistency', 'recovery_target', 'immediate')).toBe(true)
  expect(stopped('after WAL location (LSN) "0/3000100"', 'recovery_target_lsn', '0/3000100')).toBe(true)
  expect(stopped('after commit of transaction 735, time 2026-11-21 07:00:00+00', 'recovery_target_xid', '735')).toBe(true)
  expect(stopped('at restore point "before it", time 2026-11-21 07:00:00+00', 'recovery_target_name', 'before it')).toBe(true)
  expect(stopped('after WAL location (LSN) "0/3000100"', 'recovery_target_lsn', '0/4000000')).toBe(false)
})
