// The log of a process: one JSON object a line on stdout, with nothing in it that must stay secret.
import pino, { type DestinationStream, type Logger } from 'pino'
import type { Environment } from './env.ts'

export type Log = Logger

/** Properties that never reach a log, wherever they stand; a Secret shows nothing of itself anyway. */
const secretNames = ['password', 'passphrase', 'secret', 'token', 'privateKey', 'masterKey', 'authorization', 'cookie', 'databaseUrl', 'passwordSealed', 'secretSealed']
const redacted = secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])

/** User and password of a connection URI become `…`, for they may stand in the text of an error. */
export const withoutCredentials = (text: string): string => text.replaceAll(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi, '$1…@')

/** `name` is the process: web, worker. */
export function openLog(name: string, level: Environment['logLevel'], destination?: DestinationStream): Log {
  const options = {
    name,
    level,
    redact: { paths: redacted, censor: '…' },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { streamWrite: withoutCredentials },
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}
