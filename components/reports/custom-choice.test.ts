/** The custom report is what its address says. */
import { expect, test } from 'vitest'
import type { ReportRow } from '#lib/contract/reports.ts'
import { columnsParam, defaultColumns, matches, readCustom } from './custom-choice.ts'

const read = (query: string) => {
  const params = new URLSearchParams(query)
  return readCustom((name) => params.get(name), '2026-11-18')
}

test('columns, filters and time are read from the address and written back the same [P10]', () => {
  const choice = read('from=2026-11-01&to=2026-11-10&level=full&state=failed&text=shop&columns=at,source,problem')
  expect(choice).toEqual({ from: '2026-11-01', to: '2026-11-10', level: 'full', state: 'failed', text: 'shop', columns: ['source', 'at', 'problem'] })
  expect(read(`columns=${columnsParam(choice.columns) ?? ''}`).columns).toEqual(choice.columns)
})

test('an empty address means the last 30 days, every run and the usual columns, nonsense likewise', () => {
  const usual = { from: '2026-10-20', to: '2026-11-18', level: 'any', state: null, text: '', columns: defaultColumns }
  expect(read('')).toEqual(usual)
  expect(read('from=yesterday&to=2026-02-30&level=toString&state=great&columns=colour')).toEqual(usual)
  expect(columnsParam(usual.columns)).toBeNull()
})

test('dates the wrong way round are put in their order', () => {
  expect(read('from=2026-11-10&to=2026-11-01')).toMatchObject({ from: '2026-11-01', to: '2026-11-10' })
})

test('a filter lets through what has its level, its outcome and its name [P10]', () => {
  const row: ReportRow = { runId: 'r', groupId: 'g', at: '', endedAt: null, startedBy: '', setName: 'nightly', hostName: 'DB-01', sourceId: null, sourceName: 'shop-db', level: 1, state: 'failed', rawBytes: 0, storedBytes: 0, ratio: null, seconds: null, copySeconds: null, bytesPerSecond: null, imageId: null, problem: null, detail: null, hint: null, strange: [] }
  expect(['', 'level=incremental', 'level=full', 'state=failed', 'state=succeeded', 'text=db-01', 'text=NIGHT', 'text=crm', 'text=shop&state=failed&level=incremental'].map((query) => matches(row, read(query)))).toEqual([true, true, false, true, false, true, true, false, true])
  expect(['level=incremental', 'level=full'].map((query) => matches({ ...row, level: null }, read(query)))).toEqual([false, false])
})
