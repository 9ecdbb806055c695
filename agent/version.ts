// Which agent this is: its version, and the digest of the very file that runs.
import { createHash } from 'node:crypto'
import { readFileSync, realpathSync } from 'node:fs'

export const AGENT_VERSION = '0.1.0'

/** The file this process was started from. Worker threads and run processes start from it too. */
export const agentFile = (): string => realpathSync(process.argv[1] ?? '')
export const agentSha256 = (): string => createHash('sha256').update(readFileSync(agentFile())).digest('hex')
