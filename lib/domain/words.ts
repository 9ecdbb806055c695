/** How sizes, spans, moments and counts are said in the sentences of this room: binary units, UTC, no rounding up to a better truth. */

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** 1536 → '1.5 KiB'. */
export function sizeInWords(bytes: number): string {
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** power
  return `${power === 0 ? value : value.toFixed(value < 100 ? 1 : 0)} ${units[power]}`
}

const spans = [
  { size: 86_400, word: 'd' },
  { size: 3600, word: 'h' },
  { size: 60, word: 'min' },
  { size: 1, word: 's' },
] as const

/** The two largest parts: 3 h 12 min; 0 s for less than a second. */
export function spanInWords(seconds: number): string {
  let rest = Math.max(0, Math.floor(seconds))
  const parts: string[] = []
  for (const { size, word } of spans) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) parts.push(`${count} ${word}`)
    else if (parts.length > 0) break
    if (parts.length === 2) break
  }
  return parts.join(' ') || '0 s'
}

/** '2026-03-12 10:00:00 UTC'; milliseconds only where there are some. */
export const momentInWords = (at: number): string => new Date(at).toISOString().replace('T', ' ').replace(/(?:\.000)?Z$/, ' UTC')

/** '1 image', '3 images'. */
export const countInWords = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`

/** 'a', 'a and b', 'a, b and c'. */
export const listInWords = (items: readonly string[]): string => (items.length < 2 ? (items[0] ?? '') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`)
