/** Extracting: what lies in a scratch server, what of it is taken, where it goes, and what happens to what is there. */
import * as z from 'zod'

const ObjectName = z.string().min(1).max(63)

/** `rows` is the server's own estimate, null where it has none; sizes include indexes and what lies out of line. */
export const ExtractTree = z.object({
  databases: z.array(z.object({
    name: z.string(), sizeBytes: z.int(),
    schemas: z.array(z.object({ name: z.string(), tables: z.array(z.object({ name: z.string(), kind: z.enum(['table', 'partitioned', 'view', 'materialized']), rows: z.number().nullable(), sizeBytes: z.int() })) })),
    /** More tables than are listed. */
    isCut: z.boolean(),
  })),
})
export type ExtractTree = z.infer<typeof ExtractTree>

export const TableName = z.object({ schema: ObjectName, name: ObjectName })
export type TableName = z.infer<typeof TableName>

/** Of one database: the tables and whole schemas named; neither = the whole database. */
export const ExtractItem = z.object({ database: ObjectName, schemas: z.array(ObjectName).max(1000), tables: z.array(TableName).max(5000) })
export type ExtractItem = z.infer<typeof ExtractItem>

export const isWhole = ({ schemas, tables }: ExtractItem): boolean => schemas.length === 0 && tables.length === 0

/** As pg_dump takes it: with tables named it looks at no schemas, so these come first and by themselves. */
export const partsOf = (item: ExtractItem): ExtractItem[] =>
  isWhole(item) ? [item] : [...(item.schemas.length > 0 ? [{ ...item, tables: [] }] : []), ...(item.tables.length > 0 ? [{ ...item, schemas: [] }] : [])]

/** What happens where something of the same name is there. */
export const extractPolicies = ['refuse', 'rename', 'replace'] as const
export const ExtractPolicy = z.enum(extractPolicies)
export type ExtractPolicy = z.infer<typeof ExtractPolicy>
export const extractPolicyWords = {
  refuse: { label: 'Refuse when it is there', description: 'Nothing is loaded when any of it has the name of something in the target.' },
  rename: { label: 'Load under another name', description: 'Tables and schemas come into schemas named restored_…, databases into databases named so. What is there stays as it is.' },
  replace: { label: 'Replace what is there', description: 'What has the same name is dropped and loaded anew. What was written to it since is lost.' },
} as const satisfies Record<ExtractPolicy, { label: string; description: string }>

export const dumpFormats = ['plain', 'custom'] as const
export const DumpFormat = z.enum(dumpFormats)
export type DumpFormat = z.infer<typeof DumpFormat>
export const dumpFormatWords = { plain: 'SQL text, for psql', custom: 'Archive, for pg_restore' } as const satisfies Record<DumpFormat, string>

/** 'restored_20261121_0930': what everything that is loaded under another name is called after. */
export const restoredSuffix = (at: Date): string => `restored_${at.toISOString().slice(0, 16).replaceAll('-', '').replace('T', '_').replace(':', '')}`

/** The longest name PostgreSQL takes, in bytes: NAMEDATALEN - 1. */
const NAME_BYTES = 63

/** Schemas of an item under their other names: one for all that comes from one schema. */
export function renamedSchemas({ schemas, tables }: ExtractItem, suffix: string): Map<string, string> {
  const from = [...new Set([...schemas, ...tables.map(({ schema }) => schema)])].toSorted()
  return new Map(from.map((schema) => [schema, from.length === 1 ? suffix : cut(`${suffix}_${schema}`)]))
}
export const renamedDatabase = (name: string, suffix: string): string => cut(`${name}_${suffix}`)

function cut(name: string): string {
  const bytes = new TextEncoder().encode(name)
  return bytes.length <= NAME_BYTES ? name : new TextDecoder('utf-8', { fatal: false }).decode(bytes.subarray(0, NAME_BYTES)).replace(/\uFFFD+$/, '')
}

/** One loaded table: rows in the copy, and in the target after the load. */
export const LoadedTable = z.object({ database: z.string(), schema: z.string(), name: z.string(), rows: z.int(), targetRows: z.int() })
export type LoadedTable = z.infer<typeof LoadedTable>

export const LoadResult = z.object({
  files: z.array(z.object({ database: z.string(), path: z.string(), sizeBytes: z.int() })),
  tables: z.array(LoadedTable),
  /** Where things came, in words. */
  places: z.array(z.string()),
  bytes: z.int(),
})
export type LoadResult = z.infer<typeof LoadResult>

export const ExtractResult = z.object({ openedAt: z.iso.datetime(), ended: z.enum(['stopped', 'idle']), standing: z.string() })
export type ExtractResult = z.infer<typeof ExtractResult>

/** What a person has to know before a part of a cluster is put back; shown wherever one chooses. */
export const extractNotes = [
  'Only what is chosen is read from the copy. Everything else in the target keeps its changes since: rows of other tables may refer to what is put back, or not fit it any more.',
  'A table comes with its rows, indexes, constraints, triggers and the sequences it owns, each sequence at the value it had. Foreign keys to tables that are not chosen are checked against the target.',
  'Types, functions and extensions that a chosen table uses do not come with it: they have to be in the target. A whole database brings its own; roles and tablespaces never come along.',
  'Owners and privileges come along when asked for; a role that is missing in the target then fails the load, which changes nothing.',
] as const
