// The only file of the agent that reads the environment: where it keeps its runs, and the plain environment its children get.
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** Folder of runs and their journals; `HOWDAH_AGENT_HOME`, else `.howdah-agent` in the user's home. */
export function agentHome(): string {
  const said = process.env['HOWDAH_AGENT_HOME']
  return said !== undefined && isAbsolute(said) ? said : join(homedir(), '.howdah-agent')
}

/** Directories where programs are looked for. */
export const searchPath = (): string[] => (process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin').split(':').filter(isAbsolute)

/** What a child of the agent sees: no PG* variable of the session decides anything, and messages come in English. */
export const childEnvironment = (): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => /^(PATH|HOME|USER|LOGNAME|TMPDIR|TZ|HOWDAH_AGENT_HOME|NODE_ENV)$/.test(name))),
  NODE_ENV: 'production',
  LC_ALL: 'C',
})
