// Command lines as values: what starts and stops the server of one data directory, whom they run as, and how they are shown.
// Source: https://www.postgresql.org/docs/current/app-pg-ctl.html
import { quoteShell } from './archive-command.ts'

/** pg_hba.conf of a server whose socket lies in a directory that only the owner of its data opens: no password guards it better. */
export const PRIVATE_HBA = 'local all all trust\n'

export type Argv = readonly [string, ...string[]]

/** The command as it would be typed: only words that need quotes get them. */
export const shownCommand = (argv: readonly string[]): string => argv.map((word) => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : quoteShell(word))).join(' ')

/** Arguments of `postgres` that set these settings; they win over every configuration file. */
export const settingArguments = (settings: Readonly<Record<string, string | number>>): string[] => Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])

export interface PgCtlStart {
  binaries: string
  dataDirectory: string
  logFile: string
  /** Further arguments of `postgres`, in order: the last one of a setting wins. */
  serverArguments: readonly string[]
  waitSeconds: number
}

/** pg_ctl hands the text of -o to a shell, so every word in it is quoted. */
export const pgCtlStart = ({ binaries, dataDirectory, logFile, serverArguments, waitSeconds }: PgCtlStart): Argv => [
  `${binaries}/pg_ctl`, 'start', '-D', dataDirectory, '-l', logFile, '-w', '-t', String(waitSeconds), '-s',
  ...(serverArguments.length === 0 ? [] : ['-o', serverArguments.map(quoteShell).join(' ')]),
]

export type StopMode = 'fast' | 'immediate'

export const pgCtlStop = ({ binaries, dataDirectory, mode, waitSeconds }: { binaries: string; dataDirectory: string; mode: StopMode; waitSeconds: number }): Argv => [
  `${binaries}/pg_ctl`, 'stop', '-D', dataDirectory, '-m', mode, '-w', '-t', String(waitSeconds), '-s',
]

/** Whom the programs of a data directory run as. */
export interface Owner {
  uid: number
  gid: number
  /** Null where this host has no name for it. */
  name: string | null
}

/** Becomes the program itself, with the owner's groups, so that its pid and its end are those of the one that was started; null = whoever starts it. */
export const asOwner = (argv: Argv, owner: Owner | null): Argv => (owner === null ? argv : ['setpriv', '--reuid', `${owner.uid}`, '--regid', `${owner.gid}`, owner.name === null ? '--clear-groups' : '--init-groups', '--', ...argv])

/** PostgreSQL refuses root, and a file it writes belongs to its owner: root runs its programs as that user, with that user's groups. */
export const asUser = (argv: Argv, user: string | null): Argv => (user === null ? argv : ['runuser', '-u', user, '--', ...argv])

/**
 * Arguments that a server was last started with, without its data directory. Source: CreateOptsFile in
 * src/backend/postmaster/postmaster.c writes `program "arg" "arg"`, without any escape.
 */
export function parsePostmasterOpts(text: string): string[] {
  const words = [...(text.split('\n')[0] ?? '').matchAll(/ "([^"]*)"/g)].map(([, word = '']) => word)
  const rest: string[] = []
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    if (word === '-D') at += 1
    else if (!/^(?:-D.|--?data[-_]directory=)/.test(word)) rest.push(word)
  }
  return rest
}
