/** The worker process: reads the environment, runs until SIGTERM or SIGINT, then hands over what goes on. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { ProblemError } from '#lib/domain/problem.ts'
import { readEnvironment } from '#lib/platform/env.ts'
import { openLog } from '#lib/platform/log.ts'
import { ownRuntime, readAgentFile } from './agent-file.ts'
import { runWorker } from './start.ts'

const environment = readEnvironment()
const log = openLog('worker', environment.logLevel)
const stop = new AbortController()
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort())

try {
  const { databaseUrl, home, masterKey } = environment
  if (databaseUrl === undefined) throw new Error('DATABASE_URL is not set: start the worker with npm run up, or give it the catalog')
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(await readFile(join(import.meta.dirname, '../../package.json'), 'utf8')))
  await runWorker({ databaseUrl, home, masterKey, version, log, agentFile: await readAgentFile(version), runtime: ownRuntime }, stop.signal)
} catch (error) {
  log.fatal(error instanceof ProblemError ? { problem: error.problem } : { err: error }, 'the worker ended')
  process.exitCode = 1
}
