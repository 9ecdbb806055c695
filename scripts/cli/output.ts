// What the command line prints: tables for people, JSON for programs, problems on stderr.
import type { Problem } from '#lib/domain/problem.ts'

export interface Column<Row> {
  head: string
  of: (row: Row) => string | number | null
  /** Numbers stand at the right. */
  right?: boolean
}

/** Columns as wide as their widest cell; '–' for nothing. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = [columns.map((column) => column.head), ...rows.map((row) => columns.map((column) => String(column.of(row) ?? '–')))]
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)))
  return cells.map((line) => line.map((cell, index) => (columns[index]?.right === true ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0))).join('  ').trimEnd()).join('\n')
}

/** Name and value, one a line. */
export function facts(pairs: Readonly<Record<string, string | number | null>>): string {
  const width = Math.max(...Object.keys(pairs).map((name) => name.length))
  return Object.entries(pairs).map(([name, value]) => `${name.padEnd(width)}  ${value ?? '–'}`).join('\n')
}

export interface Printer {
  /** `text` is made only when a person reads. */
  print: (data: unknown, text: () => string) => void
  /** For people only, and not on stdout. */
  note: (text: string) => void
  isJson: boolean
  isTerminal: boolean
}

export const printerFor = (isJson: boolean): Printer => ({
  isJson,
  isTerminal: process.stderr.isTTY,
  print: (data, text) => void process.stdout.write(`${isJson ? JSON.stringify(data, null, 2) : text()}\n`),
  note: (text) => void (isJson || process.stderr.write(text)),
})

export function problemText(problem: Problem): string {
  const fields = (problem.fields ?? []).map((field) => `  ${field.path}: ${field.message}`)
  return [`howdah: ${problem.message} (${problem.code})`, ...fields, ...(problem.detail === undefined || fields.length > 0 ? [] : [`  ${problem.detail}`]), ...(problem.hint === undefined ? [] : [`  ${problem.hint}`])].join('\n')
}

/** 0 done · 1 failed · 2 wrong usage · 3 the console cannot be reached. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, unreachable: 3 } as const
export const exitCodeOf = (problem: Problem): number => (problem.code === 'console-unavailable' ? exitCodes.unreachable : problem.code === 'invalid-input' ? exitCodes.usage : exitCodes.failed)
