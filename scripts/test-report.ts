// What the reports of Vitest and Playwright say, in one form: which tests passed, which requirements they prove, which ids nobody knows.
import { z } from 'zod'
import { requirements } from '#e2e/requirements.ts'

export interface Outcome {
  /** Whole name, with the names of what it stands in. */
  name: string
  file: string
  state: 'passed' | 'failed' | 'skipped'
}

const Vitest = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
})

const vitestStates: Readonly<Record<string, Outcome['state']>> = { passed: 'passed', failed: 'failed', skipped: 'skipped', pending: 'skipped', todo: 'skipped', disabled: 'skipped' }

/** Pure: outcomes of Vitest's JSON report. A file that could not be loaded, or whose hooks failed, is one failed test of the file's name. */
export function vitestOutcomes(report: unknown): Outcome[] {
  return Vitest.parse(report).testResults.flatMap(({ name: file, status, assertionResults }) => {
    const outcomes = assertionResults.map((test): Outcome => ({ name: test.fullName, file, state: vitestStates[test.status] ?? 'failed' }))
    return status === 'failed' && !outcomes.some(({ state }) => state === 'failed') ? [...outcomes, { name: `${file} could not be run`, file, state: 'failed' }] : outcomes
  })
}

const Spec = z.object({ title: z.string(), file: z.string(), ok: z.boolean(), tests: z.array(z.object({ status: z.enum(['expected', 'unexpected', 'flaky', 'skipped']) })) })
type Suite = { title: string; specs: z.infer<typeof Spec>[]; suites?: Suite[] | undefined }
const Suite: z.ZodType<Suite> = z.object({ title: z.string(), specs: z.array(Spec), suites: z.lazy(() => z.array(Suite).optional()) })
const Playwright = z.object({ suites: z.array(Suite), errors: z.array(z.object({ message: z.string().optional() })).optional() })

/** Pure: outcomes of Playwright's JSON report. Flaky is failed: a test that passes sometimes proves nothing. Errors outside of tests count as failed. */
export function playwrightOutcomes(report: unknown): Outcome[] {
  const { suites, errors = [] } = Playwright.parse(report)
  const stateOf = ({ ok, tests }: z.infer<typeof Spec>): Outcome['state'] =>
    tests.every(({ status }) => status === 'skipped') ? 'skipped' : ok && tests.every(({ status }) => status !== 'flaky') ? 'passed' : 'failed'
  const inSuite = (suite: Suite, above: readonly string[]): Outcome[] => [
    ...suite.specs.map((spec): Outcome => ({ name: [...above, spec.title].join(' '), file: spec.file, state: stateOf(spec) })),
    ...(suite.suites ?? []).flatMap((inner) => inSuite(inner, [...above, inner.title])),
  ]
  return [...suites.flatMap((suite) => inSuite(suite, [])), ...errors.map(({ message }): Outcome => ({ name: message?.split('\n')[0] ?? 'an error outside of tests', file: '', state: 'failed' }))]
}

/** Pure: the ids in square brackets, such as `[B4]` or `[A1 A2]`. */
export const citedIds = (name: string): string[] => [...name.matchAll(/\[([A-Z]\d{1,2}(?:[ ,]+[A-Z]\d{1,2})*)\]/g)].flatMap(([, ids = '']) => ids.split(/[ ,]+/))

export interface Proof {
  /** Proved by at least one passed test, in the order of requirements.ts. */
  proved: string[]
  /** Cited, but only by tests that did not pass. */
  cited: string[]
  /** Cited ids that requirements.ts does not know, with the test. */
  unknown: { id: string; name: string }[]
}

/** Pure: what is proved. A requirement that a failing test cites is not proved, whatever else passes. */
export function proofOf(outcomes: readonly Outcome[], known: Readonly<Record<string, string>> = requirements): Proof {
  const by = (state: Outcome['state']): Set<string> => new Set(outcomes.filter((outcome) => outcome.state === state).flatMap(({ name }) => citedIds(name)))
  const [passed, failed, skipped] = [by('passed'), by('failed'), by('skipped')]
  const ids = Object.keys(known)
  const proved = ids.filter((id) => passed.has(id) && !failed.has(id))
  return {
    proved,
    cited: ids.filter((id) => !proved.includes(id) && (failed.has(id) || skipped.has(id))),
    unknown: outcomes.flatMap(({ name }) => citedIds(name).filter((id) => !(id in known)).map((id) => ({ id, name }))),
  }
}
