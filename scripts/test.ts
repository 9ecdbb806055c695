// `npm test`: everything, from types to browser. Its last line is `N passed, N failed`, and the requirements that the passed tests prove stand above it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requirements } from '#e2e/requirements.ts'
import { readIfThere } from '#lib/platform/files.ts'
import { exitText, start } from '#lib/platform/process.mjs'
import { missingPackages, packagesOf } from './bootstrap.mjs'
import { staticSteps } from './check.ts'
import { runSteps, seconds, type Step, StepError, toolEnvironment } from './steps.ts'
import { ensureSystemPackages } from './system-packages.ts'
import { type Outcome, playwrightOutcomes, proofOf, vitestOutcomes, withFewSecondTries } from './test-report.ts'

const top = join(import.meta.dirname, '..')

interface Suite {
  argv: readonly [string, ...string[]]
  given?: Record<string, string>
  read: (report: unknown) => Outcome[]
}

/** Real servers and a browser on a busy machine: what fails is tried once more, which `saySecondTries` tells. */
const vitest = (project: string, report: string): Suite => ({
  argv: ['vitest', 'run', '--project', project, ...(project === 'integration' ? ['--retry', '1'] : []), '--passWithNoTests', '--reporter', 'dot', '--reporter', 'json', '--outputFile.json', report],
  read: vitestOutcomes,
})

/** What runs on every supported major, or in more of its variants: `npm run test:matrix`. */
const MATRIX = [
  'agent/backup.integration', 'agent/changed-blocks.integration', 'agent/combine.integration', 'agent/delta.integration', 'agent/recover.integration', 'agent/recover-debian.integration', 'agent/recover-systemd.integration', 'agent/drill.integration', 'agent/check-faults.integration',
  'lib/worker/encryption.integration', 'lib/worker/targets.integration',
]

/** What breaks one thing between every two steps of a run: `npm run test:faults`. */
const FAULTS = ['lib/worker/faults.integration']

/** Stages with tests of their own, by name; each leaves a report in a file. */
const suites = {
  unit: (report: string) => vitest('unit', report),
  integration: (report: string) => vitest('integration', report),
  matrix: (report: string): Suite => ({ ...vitest('integration', report), argv: [...vitest('integration', report).argv, ...MATRIX], given: { HOWDAH_MATRIX: '1' } }),
  faults: (report: string): Suite => ({ ...vitest('integration', report), argv: [...vitest('integration', report).argv, ...FAULTS], given: { HOWDAH_FAULTS: 'all' } }),
  browser: (report: string): Suite => ({ argv: ['playwright', 'test', '--retries', '1', '--reporter', 'line,json', '--pass-with-no-tests'], given: { PLAYWRIGHT_JSON_OUTPUT_NAME: report }, read: playwrightOutcomes }),
} as const satisfies Record<string, (report: string) => Suite>

type SuiteName = keyof typeof suites
const suiteNames = Object.keys(suites)
const isSuite = (name: string): name is SuiteName => suiteNames.includes(name)

/** The servers that tests put on disposable hosts: PostgreSQL 12 to 18. */
async function ensureServers(): Promise<string> {
  const folder = join(top, 'e2e/servers')
  const wanted = (await packagesOf(join(folder, 'package-lock.json'))) ?? {}
  const installed = (await packagesOf(join(folder, 'node_modules/.package-lock.json'))) ?? {}
  const missing = missingPackages(wanted, installed, false)
  if (missing.length === 0) return 'nothing missing'
  const { exited } = start({ argv: ['npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', folder], env: toolEnvironment(top) }, { inherit: true })
  const exit = await exited
  if (exit.code !== 0) throw new StepError(`npm ci in e2e/servers ended with ${exitText(exit)}`)
  return `installed ${missing.length} servers`
}

/** Runs a suite with its own output on the terminal; a suite that leaves no report has failed as a whole. */
async function runSuite(name: SuiteName, folder: string): Promise<Outcome[]> {
  const report = join(folder, `${name}.json`)
  const { argv, given, read } = suites[name](report)
  const begin = performance.now()
  console.log(`\n── ${name} ──`)
  const exit = await start({ argv, cwd: top, env: toolEnvironment(top, { ...given, CI: 'true' }) }, { inherit: true }).exited
  const text = await readIfThere(report)
  const outcomes = text === undefined ? [] : read(JSON.parse(text))
  if (exit.code !== 0 && !outcomes.some(({ state }) => state === 'failed')) outcomes.push({ name: `${name} ended with ${exitText(exit)}`, file: '', state: 'failed' })
  console.log(`${name}: ${outcomes.length} tests in ${seconds(begin)}`)
  return outcomes
}

/** What passed only when it was tried again is told with how it failed: there is something to find in it. */
function saySecondTries(outcomes: readonly Outcome[]): void {
  const some = outcomes.filter(({ state, failedFirst }) => state === 'passed' && failedFirst !== undefined)
  if (some.length > 0) console.log('\nPassed only when tried again:')
  for (const { name, file, failedFirst } of some) console.log(`  ${name}  (${file.replace(`${top}/`, '')}): ${failedFirst}`)
}

/** The names of what did not pass and how it failed first, so that they are found at the end of a long log. */
function sayFailures(outcomes: readonly Outcome[]): void {
  const titles: readonly (readonly [Outcome['state'], string])[] = [['skipped', 'Skipped'], ['failed', 'Failed']]
  for (const [state, title] of titles) {
    const some = outcomes.filter((outcome) => outcome.state === state)
    if (some.length > 0) console.log(`\n${title}:`)
    for (const { name, file, failedFirst } of some) console.log(`  ${name}${file === '' ? '' : `  (${file.replace(`${top}/`, '')})`}${failedFirst === undefined ? '' : `: ${failedFirst}`}`)
  }
}

function sayProof(outcomes: readonly Outcome[]): number {
  const { proved, cited, unknown } = proofOf(outcomes)
  console.log(`\n${proved.length} of ${Object.keys(requirements).length} requirements are proved: ${proved.join(' ')}`)
  if (cited.length > 0) console.log(`Cited by tests that did not pass: ${cited.join(' ')}`)
  for (const { id, name } of unknown) console.log(`Unknown requirement ${id} in: ${name}`)
  return unknown.length
}

const isStatic = (name: string): boolean => name === 'static'
const asked = process.argv.slice(2)
const strange = asked.filter((name) => !isSuite(name) && !isStatic(name))
if (strange.length > 0) {
  console.error(`npm test knows no ${strange.join(', ')}; there are static, ${suiteNames.join(', ')}, and without a word it runs all`)
  process.exit(2)
}
/** Asked for by their names only: without them a part of each, chosen to fit the time, is done among the others. */
const LONG = ['matrix', 'faults']
const isWanted = (name: string): boolean => (asked.length === 0 ? !LONG.includes(name) : asked.includes(name))

const installing: Step[] = [
  { name: 'system', work: ensureSystemPackages },
  { name: 'servers', work: ensureServers },
]
const begin = performance.now()
const steps = [...installing, ...(isWanted('static') ? staticSteps(top) : staticSteps(top).filter(({ name }) => name === 'generate'))]
const brokenSteps = await runSteps(steps)
const found: Outcome[] = steps.map(({ name }) => ({ name, file: '', state: brokenSteps.includes(name) ? 'failed' : 'passed' }))
const reports = await mkdtemp(join(tmpdir(), 'howdah-reports-'))
try {
  for (const name of Object.keys(suites).filter(isSuite)) if (isWanted(name)) found.push(...(await runSuite(name, reports)))
} finally {
  await rm(reports, { recursive: true, force: true })
}

const outcomes = withFewSecondTries(found)
saySecondTries(outcomes)
sayFailures(outcomes)
const unknown = sayProof(outcomes)
const failed = outcomes.filter(({ state }) => state === 'failed').length + unknown
const skipped = outcomes.filter(({ state }) => state === 'skipped').length
console.log(`${seconds(begin)}${skipped > 0 ? `, ${skipped} skipped` : ''}`)
console.log(`${outcomes.filter(({ state }) => state === 'passed').length} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
