// The web and the worker as commands: what each is started with, and the exact environment it gets.
import { join } from 'node:path'
import { childEnvironment, compileCache, type Environment } from '#lib/platform/env.ts'
import type { Command } from '#lib/platform/process.mjs'

export interface ChildSettings {
  top: string
  environment: Environment
  databaseUrl: string
  setupTokenFile: string
  isDev: boolean
}

const shared = ({ top, environment, databaseUrl, isDev }: ChildSettings) => ({
  ...compileCache(top),
  NODE_ENV: isDev ? 'development' : 'production',
  HOWDAH_HOME: environment.home,
  HOWDAH_URL: environment.url,
  HOWDAH_MASTER_KEY: environment.masterKey,
  HOWDAH_LOG_LEVEL: environment.logLevel,
  DATABASE_URL: databaseUrl,
})

/** Pure: listens on its address; knows the setup token's file, which the worker does not. */
export function webCommand(settings: ChildSettings): Command {
  const { top, environment, isDev, setupTokenFile } = settings
  const next = join(top, 'node_modules/next/dist/bin/next')
  return {
    argv: [process.execPath, next, isDev ? 'dev' : 'start', '--port', String(environment.port), '--hostname', environment.bind],
    cwd: top,
    env: childEnvironment({ ...shared(settings), PORT: String(environment.port), HOWDAH_BIND: environment.bind, HOWDAH_SETUP_TOKEN_FILE: setupTokenFile, NEXT_TELEMETRY_DISABLED: '1' }),
  }
}

/** Pure: no port, no setup token. */
export function workerCommand(settings: ChildSettings): Command {
  const { top, isDev } = settings
  return { argv: [process.execPath, ...(isDev ? ['--watch', '--watch-preserve-output'] : []), join(top, 'lib/worker/main.ts')], cwd: top, env: childEnvironment(shared(settings)) }
}
