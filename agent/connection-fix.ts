// The exact way out of a connection that failed: SQL, a line of pg_hba.conf, or a command, by what the server or the system said.
import { isIP } from 'node:net'
import type { CheckLine } from '#lib/domain/check.ts'
import { type ProblemError, problems } from '#lib/domain/problem.ts'
import type { ClusterAccess } from '#lib/protocol/cluster.ts'
import { quoteIdentifier } from './held-backup.ts'
import { sqlState } from './sql.ts'
import { hasCode } from './system-problem.ts'

type Fix = NonNullable<CheckLine['fix']>
const hasAny = (error: unknown, ...codes: string[]): boolean => hasCode(error, ...codes) || (error instanceof AggregateError && error.errors.some((one: unknown) => hasCode(one, ...codes)))
const says = (error: unknown, what: RegExp): boolean => error instanceof Error && what.test(error.message)
const createRole = (user: string): string => `CREATE ROLE ${quoteIdentifier(user)} LOGIN;\nGRANT pg_read_all_settings TO ${quoteIdentifier(user)};`

/** First match decides. Texts of the server are in English only for some; the codes are the same everywhere. */
const ways: readonly { is: (cause: unknown) => boolean; fix: (access: ClusterAccess) => Fix }[] = [
  { is: (cause) => says(cause, /no pg_hba\.conf entry/), fix: ({ user, connectionHost }) => ({ kind: 'file', text: `# pg_hba.conf, then SELECT pg_reload_conf();\n${connectionHost.startsWith('/') ? `local  all  ${quoteIdentifier(user)}  scram-sha-256` : `host   all  ${quoteIdentifier(user)}  ${isIP(connectionHost) === 6 ? '::1/128' : '127.0.0.1/32'}  scram-sha-256`}` }) },
  { is: (cause) => says(cause, /role ".*" does not exist/), fix: ({ user }) => ({ kind: 'sql', text: createRole(user) }) },
  { is: (cause) => says(cause, /not permitted to log in/), fix: ({ user }) => ({ kind: 'sql', text: `ALTER ROLE ${quoteIdentifier(user)} LOGIN;` }) },
  { is: (cause) => sqlState(cause) === '28P01' || says(cause, /SASL|password/i), fix: ({ user }) => ({ kind: 'sql', text: `\\password ${quoteIdentifier(user)}\n-- then give the same password in Backup ▸ What, or in the password file of the source` }) },
  { is: (cause) => sqlState(cause) === '28000', fix: ({ user }) => ({ kind: 'sql', text: `-- if the role is missing\n${createRole(user)}\n-- if it may not log in\nALTER ROLE ${quoteIdentifier(user)} LOGIN;` }) },
  { is: (cause) => sqlState(cause) === '3D000', fix: ({ database }) => ({ kind: 'text', text: `There is no database ${database}. Leave the database of the source empty: postgres is used then, or template1.` }) },
  { is: (cause) => hasAny(cause, 'ECONNREFUSED', 'ENOENT'), fix: ({ dataDirectory }) => ({ kind: 'command', text: `# does it run, and where does it listen? Lines 4 to 6: port, socket directory, address\ncat ${dataDirectory}/postmaster.pid\n# if it does not run\npg_ctl start -D ${dataDirectory}   # or systemctl start of its service` }) },
  { is: (cause) => hasAny(cause, 'EACCES'), fix: ({ connectionHost, port }) => ({ kind: 'command', text: `ls -ld ${connectionHost} ${connectionHost}/.s.PGSQL.${port}   # the agent's user needs rwx on the way: see unix_socket_permissions` }) },
]

export function connectionFix(access: ClusterAccess, { problem, cause }: ProblemError): Fix {
  const way = ways.find(({ is }) => is(cause))
  return way === undefined ? { kind: 'text', text: problem.hint ?? problems['connection-failed'].hint } : way.fix(access)
}
