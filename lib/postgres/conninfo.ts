// libpq's connection text and password file: quoting, reading, matching and the mode rule.
// Source: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING, libpq-pgpass.html

const PLAIN = /^[^\s'\\]+$/

/** One value of a keyword/value connection string, quoted only if it must be. */
export const quoteConninfoValue = (value: string): string => (PLAIN.test(value) ? value : `'${value.replace(/['\\]/g, '\\$&')}'`)

/** `host=/run/postgresql user='my role'`: keywords in the order given, undefined ones left out. */
export const formatConninfo = (parameters: Readonly<Record<string, string | number | undefined>>): string =>
  Object.entries(parameters)
    .flatMap(([keyword, value]) => (value === undefined ? [] : [`${keyword}=${quoteConninfoValue(String(value))}`]))
    .join(' ')

/** One line of a password file; '*' alone in the first four fields matches anything. */
export type PgpassEntry = { host: string; port: string; database: string; user: string; password: string; line: number }

/** Text up to each unescaped colon, backslashes resolved. */
function splitFields(line: string): string[] {
  const fields = ['']
  for (const [token] of line.matchAll(/\\[^]|[^]/g)) {
    if (token === ':') fields.push('')
    else fields[fields.length - 1] += token.length === 2 && token.startsWith('\\') ? token.slice(1) : token
  }
  return fields
}

/** Entries of a password file with 1-based lines. Comments and lines without five fields are skipped, as libpq skips them. */
export const parsePgpass = (text: string): PgpassEntry[] =>
  text.split(/\r?\n/).flatMap((source, index): PgpassEntry[] => {
    if (source === '' || source.startsWith('#')) return []
    const [host, port, database, user, password] = splitFields(source)
    if (host === undefined || port === undefined || database === undefined || user === undefined || password === undefined) return []
    return [{ host, port, database, user, password, line: index + 1 }]
  })

/** One line of a password file, colons and backslashes escaped. Throws RangeError for a line break in a field. */
export function formatPgpassLine(entry: Omit<PgpassEntry, 'line'>): string {
  const fields = [entry.host, entry.port, entry.database, entry.user, entry.password]
  if (fields.some((field) => /[\r\n\0]/.test(field))) throw new RangeError('A field of a password file cannot hold a line break or a NUL byte.')
  return `${fields.map((field) => field.replace(/[:\\]/g, '\\$&')).join(':')}\n`
}

export type PgpassKey = { host: string; port: number; database: string; user: string }

/**
 * The first entry that fits, or null. libpq looks up `localhost` for a connection over its default socket directory, and
 * the directory itself for any other; `defaultSocketDirectory` is the one the host's libpq was built with.
 */
export function findPgpassEntry(entries: readonly PgpassEntry[], key: PgpassKey, defaultSocketDirectory = '/var/run/postgresql'): PgpassEntry | null {
  const host = key.host === '' || key.host === defaultSocketDirectory ? 'localhost' : key.host
  const fits = (pattern: string, value: string): boolean => pattern === '*' || pattern === value
  const found = entries.find(
    (entry) => fits(entry.host, host) && fits(entry.port, `${key.port}`) && fits(entry.database, key.database) && fits(entry.user, key.user),
  )
  return found ?? null
}

/** libpq ignores a password file that group or others may touch in any way: only modes such as 0600 and 0400 count. */
export const isPgpassModeSafe = (mode: number): boolean => (mode & 0o077) === 0
