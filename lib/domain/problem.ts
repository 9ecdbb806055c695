/** Every failure a user can be shown. One table: the code, how the API answers, whether waiting may cure it, and the hint when a site has no better one. */

export const problems = {
  'invalid-input': { status: 400, retry: false, hint: 'Correct the marked fields and save again.' },
  'not-signed-in': { status: 401, retry: false, hint: 'Sign in, or send an API token in the Authorization header.' },
  forbidden: { status: 403, retry: false, hint: 'Ask an administrator for a role that allows this.' },
  'not-found': { status: 404, retry: false, hint: 'It may have been removed; reload the list.' },
  conflict: { status: 409, retry: false, hint: 'Reload, look at what changed, and try again.' },
  'rate-limited': { status: 429, retry: true, hint: 'Wait a minute before the next try.' },
  'host-unreachable': { status: 502, retry: true, hint: 'Check address, port and firewall from the machine that runs the worker.' },
  'host-key-unknown': { status: 502, retry: false, hint: 'Compare the fingerprint with the one on the host, then confirm it in Admin ▸ Hosts.' },
  'host-key-mismatch': { status: 502, retry: false, hint: 'If the host was reinstalled, confirm the new key in Admin ▸ Hosts; otherwise treat it as an attack.' },
  'host-sign-in-failed': { status: 502, retry: false, hint: 'Check user and key or password of the host in Admin ▸ Hosts.' },
  'agent-missing': { status: 502, retry: false, hint: 'Deploy the agent in Admin ▸ Hosts.' },
  'agent-failed': { status: 502, retry: true, hint: 'Read the log of the run; deploy the agent again if it does not start.' },
  'agent-version-mismatch': { status: 502, retry: false, hint: 'Upgrade the agent in Admin ▸ Hosts.' },
  'connection-failed': { status: 502, retry: true, hint: 'Check connection and role of the source in Backup ▸ What.' },
  'privilege-missing': { status: 502, retry: false, hint: 'Run the GRANT statements that the check prints.' },
  'check-failed': { status: 422, retry: false, hint: 'Open the check, apply the fix of each ERROR line, and start again.' },
  'read-failed': { status: 422, retry: false, hint: 'Check mode and owner of the path and the disk below it.' },
  'write-failed': { status: 422, retry: false, hint: 'Check mode and owner of the path and the disk below it.' },
  'no-space': { status: 507, retry: true, hint: 'Free space or choose another place, then start again.' },
  'storage-unavailable': { status: 502, retry: true, hint: 'Check the storage device in Backup ▸ Where.' },
  'storage-corrupt': { status: 422, retry: false, hint: 'Verify the image; restore from another image or copy.' },
  'key-missing': { status: 422, retry: false, hint: 'Import the identity of the key (AGE-SECRET-KEY-1…) from its printed kit in Admin ▸ Keys.' },
  'key-wrong': { status: 422, retry: false, hint: 'image.json names the recipient that the image was encrypted for; import the identity of that key in Admin ▸ Keys.' },
  'wal-gap': { status: 422, retry: false, hint: 'Run a full backup: it starts a new chain.' },
  'wal-wait-timeout': { status: 422, retry: true, hint: 'See why archiving lags: archive_command, its log lines, and the space of the archive directory.' },
  'wal-conflict': { status: 422, retry: false, hint: 'Two servers may archive into one directory; give each its own.' },
  'no-data': { status: 504, retry: true, hint: 'Nothing moved for the time allowed in Backup ▸ How; look at the host and its network.' },
  'timed-out': { status: 504, retry: true, hint: 'Raise the limit in Backup ▸ How if the host is only slow.' },
  'not-reachable': { status: 422, retry: false, hint: 'Choose one of the moments offered.' },
  'destination-refused': { status: 422, retry: false, hint: 'Choose an empty directory that no server uses.' },
  'already-running': { status: 409, retry: true, hint: 'Wait for the run in progress, or abort it in Monitor.' },
  'recovery-failed': { status: 422, retry: false, hint: 'Read the last lines of the server above, mend what they name, and complete the recovery again.' },
  cancelled: { status: 409, retry: false, hint: 'Start it again when wanted.' },
  'console-unavailable': { status: 503, retry: true, hint: 'See that Howdah runs (`npm run up`) and that its catalog answers, then try again.' },
  internal: { status: 500, retry: false, hint: 'This is a fault of Howdah; the log of the console holds the details.' },
} as const satisfies Record<string, { status: number; retry: boolean; hint: string }>

export type ProblemCode = keyof typeof problems
export const problemCodes = Object.keys(problems) as [ProblemCode, ...ProblemCode[]]

/** Same three parts as a PostgreSQL error: a short fact, its detail, and a hint to fix it. `fields` name the form fields or API inputs it belongs to. */
export interface Problem {
  code: ProblemCode
  message: string
  detail?: string | undefined
  hint?: string | undefined
  fields?: { path: string; message: string }[] | undefined
}

export class ProblemError extends Error {
  readonly problem: Problem
  constructor(problem: Problem, options?: ErrorOptions) {
    super(problem.message, options)
    this.name = 'ProblemError'
    this.problem = { ...problem, hint: problem.hint ?? problems[problem.code].hint }
  }
}

/** Short form of `new ProblemError`; `parts` are detail, hint and fields. */
export function problem(code: ProblemCode, message: string, parts: Omit<Problem, 'code' | 'message'> & { cause?: unknown } = {}): ProblemError {
  const { cause, ...rest } = parts
  return new ProblemError({ code, message, ...rest }, { cause })
}

/** The one way from "anything was thrown" to "something may be shown"; what is not a `ProblemError` is a bug and keeps its text out of sight. */
export function toProblem(error: unknown): Problem {
  return error instanceof ProblemError ? error.problem : { code: 'internal', message: 'Internal error', hint: problems.internal.hint }
}
