/** What is chosen of the tree of an extract, and as the API takes it. A chosen database holds its schemas, a chosen schema its tables. Pure. */
import type { ExtractItem, ExtractTree } from '#lib/domain/extract.ts'

/** Keys of what is chosen: a path of names as JSON, so that no name can be taken for another. */
export type Selection = ReadonlySet<string>

export const keyOf = (...path: readonly string[]): string => JSON.stringify(path)

/** Chosen itself, or because something above it is. */
export const isChosen = (selection: Selection, path: readonly string[]): boolean => path.some((_, index) => selection.has(keyOf(...path.slice(0, index + 1))))

/** Something below it is chosen, and not it. */
export const isPartly = (selection: Selection, path: readonly string[]): boolean => !isChosen(selection, path) && [...selection].some((key) => startsWith(JSON.parse(key) as string[], path))

const startsWith = (path: readonly string[], head: readonly string[]): boolean => head.every((name, index) => path[index] === name)

/** With it chosen or not; what lies below it is then chosen through it, or by nothing. */
export function choose(selection: Selection, path: readonly string[], isOn: boolean): Selection {
  const rest = new Set([...selection].filter((key) => !startsWith(JSON.parse(key) as string[], path)))
  if (isOn) rest.add(keyOf(...path))
  return rest
}

/** One item a database, in the order of the tree; views and tables alike are named by schema and name. */
export function itemsOf(selection: Selection, tree: ExtractTree): ExtractItem[] {
  return tree.databases.flatMap(({ name: database, schemas }) => {
    if (selection.has(keyOf(database))) return [{ database, schemas: [], tables: [] }]
    const whole = schemas.filter(({ name }) => selection.has(keyOf(database, name))).map(({ name }) => name)
    const tables = schemas.filter(({ name }) => !whole.includes(name)).flatMap(({ name: schema, tables: all }) => all.filter(({ name }) => selection.has(keyOf(database, schema, name))).map(({ name }) => ({ schema, name })))
    return whole.length + tables.length === 0 ? [] : [{ database, schemas: whole, tables }]
  })
}

/** Bytes of what is chosen, as the copy has it. */
export function chosenBytes(selection: Selection, tree: ExtractTree): number {
  const total = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0)
  return total(tree.databases.map(({ name: database, sizeBytes, schemas }) =>
    selection.has(keyOf(database)) ? sizeBytes : total(schemas.flatMap(({ name: schema, tables }) => tables.filter(({ name }) => isChosen(selection, [database, schema, name])).map((table) => table.sizeBytes)))))
}
