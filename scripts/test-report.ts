// What the reports of Vitest and Playwright say, in one form: which tests passed, which requirements they prove, which ids nobody knows.
import * as z from 'zod'
import { requirements } from '#e2e/requirements.ts'

export interface Outcome {
  /** Whole name, with the names of what it stands in. */
  name: string
  file: string
  state: 'passed' | 'failed' | 'skipped'
  /** How it failed the first time, though it may have passed when it was tried again. */
  failedFirst?: string
}

const Vitest = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string(), failureMessages: z.array(z.string()).nullish() })),
    }),
  ),
})

const vitestStates: Readonly<Record<string, Outcome['state']>> = { passed: 'passed', failed: 'failed', skipped: 'skipped', pending: 'skipped', todo: 'skipped', disabled: 'skipped' }

const failedBefore = (message: string | undefined): Pick<Outcome, 'failedFirst'> => (message === undefined ? {} : { failedFirst: message.split('\n')[0] ?? '' })

/** Pure: outcomes of Vitest's JSON report. A file that could not be loaded, or whose hooks failed, is one failed test of the file's name. */
export function vitestOutcomes(report: unknown): Outcome[] {
  return Vitest.parse(report).testResults.flatMap(({ name: file, status, assertionResults }) => {
    const outcomes = assertionResults.map(({ fullName, status: word, failureMessages }): Outcome => {
      const state = vitestStates[word] ?? 'failed'
      return { name: fullName, file, state, ...(state === 'skipped' ? {} : failedBefore(failureMessages?.[0])) }
    })
    return status === 'failed' && !outcomes.some(({ state }) => state === 'failed') ? [...outcomes, { name: `${file} could not be run`, file, state: 'failed' }] : outcomes
  })
}

const Result = z.object({ error: z.object({ message: z.string().optional() }).optional() })
const Spec = z.object({ title: z.string(), file: z.string(), ok: z.boolean(), tests: z.array(z.object({ status: z.enum(['expected', 'unexpected', 'flaky', 'skipped']), results: z.array(Result).optional() })) })
type Suite = { title: string; specs: z.infer<typeof Spec>[]; suites?: Suite[] | undefined }
const Suite: z.ZodType<Suite> = z.object({ title: z.string(), specs: z.array(Spec), suites: z.lazy(() => z.array(Suite).optional()) })
const Playwright = z.object({ suites: z.array(Suite), errors: z.array(z.object({ message: z.string().optional() })).optional() })

/** Pure: outcomes of Playwright's JSON report. Errors outside of tests count as failed. */
export function playwrightOutcomes(report: unknown): Outcome[] {
  const { suites, errors = [] } = Playwright.parse(report)
  const outcomeOf = ({ ok, tests }: z.infer<typeof Spec>): Pick<Outcome, 'state' | 'failedFirst'> => {
    if (tests.every(({ status }) => status === 'skipped')) return { state: 'skipped' }
    const again = tests.find(({ status }) => status === 'flaky')
    const why = failedBefore((again ?? tests.find(({ status }) => status === 'unexpected'))?.results?.[0]?.error?.message ?? 'it did not say how')
    return ok ? { state: 'passed', ...(again === undefined ? {} : why) } : { state: 'failed', ...why }
  }
  const inSuite = (suite: Suite, above: readonly string[]): Outcome[] => [
    ...suite.specs.map((spec): Outcome => ({ name: [...above, spec.title].join(' '), file: spec.file, ...outcomeOf(spec) })),
    ...(suite.suites ?? []).flatMap((inner) => inSuite(inner, [...above, inner.title])),
  ]
  return [...suites.flatMap((suite) => inSuite(suite, [])), ...errors.map(({ message }): Outcome => ({ name: message?.split('\n')[0] ?? 'an error outside of tests', file: '', state: 'failed' }))]
}

/** How many tests of one run may need another try: a machine that is busy for a moment, and no more than that. */
const SECOND_TRIES = 3

/** Pure: with more than a few that passed only when they were tried again, none of them has passed. */
export function withFewSecondTries(outcomes: readonly Outcome[]): Outcome[] {
  const isLate = ({ state, failedFirst }: Outcome): boolean => state === 'passed' && failedFirst !== undefined
  const isFew = outcomes.filter(isLate).length <= SECOND_TRIES
  return outcomes.map((outcome) => (isFew || !isLate(outcome) ? outcome : { ...outcome, state: 'failed' }))
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
