// postgresql.conf: reading it as the server's scanner does, quoting values, and keeping one marked block of settings.
// Source: https://www.postgresql.org/docs/current/config-setting.html, src/backend/utils/misc/guc-file.l

export type Setting = { name: string; value: string }

export type ConfEntry =
  | { kind: 'setting'; name: string; value: string; line: number }
  | { kind: 'include' | 'include_if_exists' | 'include_dir'; path: string; line: number }
  | { kind: 'error'; text: string; line: number }

const INCLUDES = ['include', 'include_if_exists', 'include_dir'] as const
const NAME = String.raw`[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*`
const QUOTED = String.raw`'(?:[^'\\\n]|\\.|'')*'`
const BARE = String.raw`[A-Za-z_\u0080-\uffff][A-Za-z0-9_\-.:/\u0080-\uffff]*|[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?|[+-]?(?:0x[0-9A-Fa-f]+|[0-9]+)[A-Za-z]*`
const LINE = new RegExp(String.raw`^\s*(${NAME}(?:\.${NAME})*)(?:\s*=\s*|\s+|(?='))(${QUOTED}|${BARE})\s*(?:#.*)?$`)
const BLANK = /^\s*(?:#|$)/

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

/** Value of a quoted or bare token: '' and \ escapes as GUC_scanstr reads them. */
const unquote = (token: string): string =>
  token.startsWith("'")
    ? token.slice(1, -1).replace(/''|\\([0-7]{1,3})|\\(.)/g, (_, octal?: string, char?: string) =>
        octal === undefined ? (char === undefined ? "'" : (ESCAPES[char] ?? char)) : String.fromCharCode(Number.parseInt(octal, 8) & 0xff),
      )
    : token

/**
 * All that a postgresql.conf says, in order, with 1-based lines. Include directives are reported, not followed: the caller
 * reads them and puts their entries in that place. A line the server would refuse is an 'error' entry.
 */
export function parseConf(text: string): ConfEntry[] {
  return text.split(/\r?\n/).flatMap((source, index): ConfEntry[] => {
    if (BLANK.test(source)) return []
    const line = index + 1
    const [, rawName, token] = LINE.exec(source) ?? []
    if (rawName === undefined || token === undefined) return [{ kind: 'error', text: source.trim(), line }]
    const name = rawName.toLowerCase()
    const value = unquote(token)
    const include = INCLUDES.find((word) => word === name)
    return [include ? { kind: include, path: value, line } : { kind: 'setting', name, value, line }]
  })
}

/** The value that holds for each name: the last one in the file, as in the server. */
export const lastSettings = (entries: readonly ConfEntry[]): ReadonlyMap<string, string> =>
  new Map(entries.flatMap((entry) => (entry.kind === 'setting' ? [[entry.name, entry.value] as const] : [])))

/**
 * A value as a quoted token for postgresql.conf, postgresql.auto.conf and recovery.conf. Throws RangeError for a NUL byte,
 * which no setting can hold.
 */
export function quoteConfValue(value: string): string {
  if (value.includes('\0')) throw new RangeError('A setting cannot hold a NUL byte.')
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\n', '\\n').replaceAll('\r', '\\r')}'`
}

const SETTING_NAME = new RegExp(`^${NAME}(?:\\.${NAME})*$`)

/** `name = 'value'` lines, in the order given. Throws RangeError for a name that is none. */
export const formatSettings = (settings: readonly Setting[]): string =>
  settings
    .map(({ name, value }) => {
      if (!SETTING_NAME.test(name)) throw new RangeError(`"${name}" cannot be the name of a setting.`)
      return `${name} = ${quoteConfValue(value)}\n`
    })
    .join('')

const beginMark = (title: string): string => `# >>> ${title}: written by Howdah, replaced as a whole`
const endMark = (title: string): string => `# <<< ${title}`

/**
 * The file's text with one marked block of settings at its end, where it wins over lines above it. A block of the same
 * title is taken out first, wherever it stands; no settings means no block, which restores the text as it was before.
 */
export function replaceSettingsBlock(text: string, title: string, settings: readonly Setting[]): string {
  const lines = text.split('\n')
  const begin = lines.indexOf(beginMark(title))
  const end = lines.indexOf(endMark(title), begin)
  if (begin >= 0 && end < 0) throw new RangeError(`The block "${title}" begins in line ${begin + 1} and never ends; remove its rest by hand.`)
  const kept = begin < 0 ? text : [...lines.slice(0, begin), ...lines.slice(end + 1)].join('\n')
  if (settings.length === 0) return kept
  const separator = kept === '' || kept.endsWith('\n') ? '' : '\n'
  return `${kept}${separator}${beginMark(title)}\n${formatSettings(settings)}${endMark(title)}\n`
}
