import { expect, test } from 'vitest'
import type { RunEvent, RunEventBody } from '#lib/domain/event.ts'
import { emptyTail, ratesOf, withEvents } from './run-tail.ts'

const event = (seq: number, body: RunEventBody, second = seq): RunEvent => ({ seq, at: new Date(second * 1000).toISOString(), body })
const progress = (doneBytes: number, phase: 'copy' | 'wal' = 'copy'): RunEventBody => ({ kind: 'progress', phase, doneBytes, totalBytes: null })

test('a page that is reloaded or asks twice shows each event of a run once [J1]', () => {
  const events = [event(1, { kind: 'phase', phase: 'copy' }), event(2, { kind: 'log', level: 'info', text: 'one' }), event(3, { kind: 'strange', text: 'two' })]
  const once = withEvents(emptyTail, events, false)
  const twice = withEvents(withEvents(emptyTail, events.slice(0, 2), false), events, false)
  expect(twice).toEqual(once)
  expect(once.lines.map((line) => [line.level, line.text])).toEqual([['debug', 'Phase copy begins'], ['info', 'one'], ['warning', 'two']])
  expect(withEvents(once, events, false)).toBe(once)
})

test('the commands that a run ran are kept in their order [J1]', () => {
  const tail = withEvents(emptyTail, [event(1, { kind: 'command', text: 'SELECT 1' }), event(2, { kind: 'command', text: 'SELECT 2' })], true)
  expect(tail.commands).toEqual(['SELECT 1', 'SELECT 2'])
  expect(tail.ended).toBe(true)
})

test('a failure is an error line with its detail and its fix [J2]', () => {
  const [line] = withEvents(emptyTail, [event(1, { kind: 'end', outcome: 'failed', problem: { code: 'no-space', message: 'The disk is full.', detail: '/x', hint: 'Free space.' } })], true).lines
  expect(line).toMatchObject({ level: 'error', text: 'The disk is full. /x Free space.' })
})

test('throughput never spans two phases, nor counts bytes that came again after a resume [P9]', () => {
  const bodies = [progress(0), progress(100), progress(200), progress(0, 'wal'), progress(50, 'wal'), progress(10, 'wal'), progress(20, 'wal')]
  const { samples } = withEvents(emptyTail, bodies.map((body, index) => event(index + 1, body)), false)
  expect(ratesOf(samples).map((point) => point.bytesPerSecond)).toEqual([100, 100, 50, 10])
})

test('a run of days keeps its newest lines and says how many it gave up, and few samples [P9]', () => {
  const log = Array.from({ length: 5010 }, (_, index) => event(index + 1, { kind: 'log', level: 'info', text: String(index) }))
  const tail = withEvents(emptyTail, log, false)
  expect([tail.lines.length, tail.leftOut, tail.lines.at(-1)?.text]).toEqual([5000, 10, '5009'])
  const moved = Array.from({ length: 2000 }, (_, index) => index).reduce((sum, index) => withEvents(sum, [event(index + 1, progress(index))], false), emptyTail)
  expect(moved.samples.length).toBeLessThanOrEqual(600)
  expect([moved.samples[0]?.doneBytes, moved.samples.at(-1)?.doneBytes]).toEqual([0, 1999])
})
