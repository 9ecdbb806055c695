/** Rows as the domain speaks: byte counts as numbers, enum words with dashes. LSNs stay bigint, times stay Date, JSON is left for its own schema. */

/** Columns whose enum words hold a dash in lib/domain and an underscore in Prisma. */
const wordColumns: readonly string[] = ['role', 'kind', 'levelRule'] as const
const jsonColumns: readonly string[] = ['input', 'result', 'body'] as const

export type Dashed<V> = V extends `${infer A}_${infer B}` ? `${A}-${Dashed<B>}` : V
export type Underscored<V> = V extends `${infer A}-${infer B}` ? `${A}_${Underscored<B>}` : V
type Bytes<V> = V extends bigint ? number : V
type Field<K, V> = K extends `${string}Bytes` ? Bytes<V> : K extends 'role' | 'kind' | 'levelRule' ? Dashed<V> : K extends 'input' | 'result' | 'body' ? unknown : Plain<V>
export type Plain<T> = T extends Date | bigint ? T : T extends readonly (infer E)[] ? Plain<E>[] : T extends object ? { [K in keyof T]: Field<K, T[K]> } : T

function plainField(key: string, value: unknown): unknown {
  if (jsonColumns.includes(key)) return value
  if (typeof value === 'bigint' && key.endsWith('Bytes')) return Number(value)
  if (typeof value === 'string' && wordColumns.includes(key)) return dashed(value)
  return plain(value)
}

export function plain<T>(row: T): Plain<T>
export function plain(row: unknown): unknown {
  if (Array.isArray(row)) return row.map((item: unknown) => plain(item))
  if (row === null || typeof row !== 'object' || row instanceof Date) return row
  return Object.fromEntries(Object.entries(row).map(([key, value]) => [key, plainField(key, value)]))
}

export const dashed = <const V extends string>(word: V): Dashed<V> => word.replaceAll('_', '-') as Dashed<V>
export const underscored = <const V extends string>(word: V): Underscored<V> => word.replaceAll('-', '_') as Underscored<V>
/** For columns that may be null. */
export const bigintOrNull = (value: number | null): bigint | null => (value === null ? null : BigInt(value))
