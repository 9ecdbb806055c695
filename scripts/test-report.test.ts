// The runner believes nothing but reports: what failed, was skipped or is unknown never counts as proof.
import { expect, test } from 'vitest'
import { citedIds, type Outcome, playwrightOutcomes, proofOf, vitestOutcomes, withFewSecondTries } from './test-report.ts'

const known = { A1: 'a', A2: 'b', B1: 'c' }
const outcome = (name: string, state: Outcome['state'] = 'passed'): Outcome => ({ name, state, file: 'x.test.ts' })

test('ids are read from square brackets, alone or several, and nothing else is an id', () => {
  expect(citedIds('a thing holds [A1] and another [B1, A2] [D12 D1]')).toEqual(['A1', 'B1', 'A2', 'D12', 'D1'])
  expect(citedIds('an array [0] of [x86] and [ABC1] in A1')).toEqual([])
})

test('a passed test proves its ids', () => {
  expect(proofOf([outcome('works [A1 B1]')], known)).toEqual({ proved: ['A1', 'B1'], cited: [], unknown: [] })
})

test('a failed or skipped test proves nothing, and a failure outweighs a success', () => {
  expect(proofOf([outcome('one [A1]', 'failed'), outcome('two [A2]', 'skipped'), outcome('three [A1] [B1]')], known)).toEqual({ proved: ['B1'], cited: ['A1', 'A2'], unknown: [] })
})

test('an unknown id is reported with its test', () => {
  expect(proofOf([outcome('odd [Z9]')], known).unknown).toEqual([{ id: 'Z9', name: 'odd [Z9]' }])
})

test("Vitest's report gives every test its state", () => {
  const assertionResults = ['passed', 'failed', 'skipped', 'todo', 'surprise'].map((status) => ({ fullName: status, status }))
  expect(vitestOutcomes({ testResults: [{ name: 'a.test.ts', status: 'failed', assertionResults }] }).map(({ state }) => state)).toEqual(['passed', 'failed', 'skipped', 'skipped', 'failed'])
})

test('a test file that cannot be loaded is a failure', () => {
  expect(vitestOutcomes({ testResults: [{ name: 'a.test.ts', status: 'failed', message: 'SyntaxError', assertionResults: [] }] })).toEqual([{ name: 'a.test.ts could not be run', file: 'a.test.ts', state: 'failed' }])
})

test('a test that failed says how it did first, also when it passed at another try; with more than a few of them, none has passed', () => {
  const passed = { fullName: 'late', status: 'passed', failureMessages: ['Error: not yet\n    at x.ts:1'] }
  expect(vitestOutcomes({ testResults: [{ name: 'a.test.ts', status: 'passed', assertionResults: [passed, { fullName: 'good', status: 'passed', failureMessages: [] }, { ...passed, fullName: 'bad', status: 'failed' }] }] })).toEqual([
    { name: 'late', file: 'a.test.ts', state: 'passed', failedFirst: 'Error: not yet' }, { name: 'good', file: 'a.test.ts', state: 'passed' }, { name: 'bad', file: 'a.test.ts', state: 'failed', failedFirst: 'Error: not yet' },
  ])
  const late = { ...outcome('late'), failedFirst: 'Error: not yet' }
  expect(withFewSecondTries([late, late, late, { ...late, state: 'failed' }]).map(({ state }) => state)).toEqual(['passed', 'passed', 'passed', 'failed'])
  expect(withFewSecondTries([late, late, late, outcome('good')]).map(({ state }) => state)).toEqual(['passed', 'passed', 'passed', 'passed'])
  expect(withFewSecondTries([late, late, late, late, outcome('good')]).map(({ state }) => state)).toEqual(['failed', 'failed', 'failed', 'failed', 'passed'])
})

test("Playwright's report gives every test its state, and errors outside count", () => {
  const spec = (title: string, ok: boolean, status: string) => ({ title, file: 'a.spec.ts', ok, tests: [{ status, results: [{ error: { message: 'timed out\nat y.ts' } }, {}] }] })
  const inner = { title: 'Restore', specs: [spec('flaky', true, 'flaky'), spec('bad', false, 'unexpected'), spec('left out', true, 'skipped')] }
  const report = { suites: [{ title: 'a.spec.ts', specs: [spec('good', true, 'expected')], suites: [inner] }], errors: [{ message: 'no browser' }] }
  expect(playwrightOutcomes(report).map(({ name, state }) => `${name}: ${state}`)).toEqual(['good: passed', 'Restore flaky: passed', 'Restore bad: failed', 'Restore left out: skipped', 'no browser: failed'])
  expect(playwrightOutcomes(report).map(({ failedFirst }) => failedFirst)).toEqual([undefined, 'timed out', 'timed out', undefined, undefined])
})
