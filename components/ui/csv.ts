/** Tables as CSV by RFC 4180, safe to open in a spreadsheet. Pure. */

/** Strings that a spreadsheet would run as a formula are prefixed (OWASP "CSV injection"); numbers stay numbers. */
function cell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return ''
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value)
  return /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text
}

/** Header and rows, lines ended by CR LF as the RFC wants. */
export function toCsv(header: readonly string[], rows: readonly (readonly (string | number | null | undefined)[])[]): string {
  return [header, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('')
}
