/** What the Gantt pictures are drawn from. */
import { expect, test } from 'vitest'
import type { Outputs } from '#lib/client/api.ts'
import type { ReportRow } from '#lib/contract/reports.ts'
import { phasePicture, runPicture } from './gantt-rows.ts'

const day = { from: '2026-11-18T00:00:00.000Z', to: '2026-11-19T00:00:00.000Z' }
const noon = Date.parse('2026-11-18T12:00:00Z')
const row = (change: Partial<ReportRow>): ReportRow => ({
  runId: 'r1', groupId: 'g1', at: '2026-11-18T01:30:00.000Z', endedAt: '2026-11-18T01:40:00.000Z', startedBy: 'Ada', setName: 'nightly', hostName: 'db-01', sourceId: 's1', sourceName: 'shop-db', level: 0, state: 'succeeded',
  rawBytes: 100, storedBytes: 40, ratio: 2.5, seconds: 600, copySeconds: 500, bytesPerSecond: 1, imageId: 'i1', problem: null, detail: null, hint: null, strange: [], ...change,
})

test('each source has one row with its runs in order, and what goes on has no end [P10]', () => {
  const picture = runPicture([row({ runId: 'r3', at: '2026-11-18T11:00:00.000Z', endedAt: null, state: 'running', level: null }), row({}), row({ runId: 'r2', sourceName: 'crm' }), row({ runId: 'r4', state: 'queued', endedAt: null })], day, noon, ({ groupId }) => `?group=${groupId}`)
  expect(picture.rows.map(({ label, bars }) => [label, bars.map((bar) => bar.key)])).toEqual([['crm', ['r2']], ['shop-db', ['r1', 'r3']]])
  expect(picture.rows[1]?.bars[1]).toMatchObject({ to: null, state: 'running', label: 'backup', href: '?group=g1' })
  expect(picture.begin).toBe(Date.parse(day.from))
  expect(picture.end).toBeGreaterThan(noon)
  expect(picture.end).toBeLessThan(noon + 30 * 60_000)
})

const group: Outputs['report']['timeline']['group'] = { id: 'g1', kind: 'backup', title: 'Backup of nightly', state: 'failed', origin: 'person', setId: null, setName: null, dueAt: null, startedBy: 'Ada', createdAt: day.from, startedAt: null, endedAt: null, runs: [] }
const span = (runId: string, phase: string, minute: number, state: string) => ({ runId, sourceName: `source-${runId}`, phase, beginAt: new Date(noon + minute * 60_000).toISOString(), endAt: new Date(noon + (minute + 1) * 60_000).toISOString(), state })

test('a start of few sources shows a row for each phase, of many a row for each source [P10]', () => {
  const few = phasePicture({ group, spans: [span('a', 'check', 0, 'done'), span('a', 'copy', 1, 'failed')] })
  expect(few?.rows.map(({ label }) => label)).toEqual(['Check', 'Copy'])
  expect(few?.rows[1]?.bars[0]).toMatchObject({ state: 'failed', from: noon + 60_000, to: noon + 120_000 })
  const many = phasePicture({ group, spans: ['a', 'b', 'c', 'd'].flatMap((id) => [span(id, 'check', 0, 'done'), span(id, 'copy', 1, 'running')]) })
  expect(many?.rows.map(({ label, bars }) => [label, bars.length])).toEqual([['source-a', 2], ['source-b', 2], ['source-c', 2], ['source-d', 2]])
  expect(many?.rows[0]?.bars[1]?.to).toBeNull()
})

test('a start of which no phase began has no picture', () => {
  expect(phasePicture({ group, spans: [] })).toBeNull()
})
