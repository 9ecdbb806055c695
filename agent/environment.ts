// The only file of the agent that reads the environment: where it keeps its runs, and the plain environment its children get.
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** Folder of runs and their journals; `HOWDAH_AGENT_HOME`, else `.howdah-agent` in the user's home. */
export function agentHome(): string {
  const said = process.env['HOWDAH_AGENT_HOME']
  return said !== undefined && isAbsolute(said) ? said : join(homedir(), '.howdah-agent')
}

/** Where Node keeps the agent compiled, so that each run and each of its threads begins a little earlier; it goes with the home. */
export const compileCache = (): string => join(agentHome(), 'compiled')

/** Where distributions keep programs of the administrator, runuser and visudo among them; a session over SSH or a timer often leaves them out. */
const ADMINISTRATION = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** Directories where programs are looked for, those of the administrator last. */
export const searchPath = (): string[] => [...new Set([...(process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin').split(':').filter(isAbsolute), ...ADMINISTRATION])]

/** What a child of the agent sees: no PG* variable of the session decides anything, messages come in English, and programs of the administrator are found. */
export const childEnvironment = (): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => /^(HOME|USER|LOGNAME|TMPDIR|TZ|HOWDAH_AGENT_HOME|NODE_ENV)$/.test(name))),
  PATH: searchPath().join(':'),
  NODE_ENV: 'production',
  LC_ALL: 'C',
})

/** How a bucket is reached where nobody says it otherwise: the variables that Amazon's own tools read. */
export function bucketEnvironment(): { endpoint: string | undefined; region: string | undefined; accessKeyId: string | undefined; secretAccessKey: string | undefined; sessionToken: string | undefined } {
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env
  return { endpoint: AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL, region: AWS_REGION ?? AWS_DEFAULT_REGION, accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY, sessionToken: AWS_SESSION_TOKEN }
}
