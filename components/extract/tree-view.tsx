'use client'
/** Databases, schemas and tables of a scratch server, each with a box. */
import { ChevronRight } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { Badge } from '#components/ui/badge.tsx'
import { Checkbox } from '#components/ui/choice.tsx'
import { formatBytes, formatPlural } from '#components/ui/format.ts'
import { TextInput } from '#components/ui/text-field.tsx'
import type { ExtractTree } from '#lib/domain/extract.ts'
import { choose, isChosen, isPartly, type Selection } from './selection.ts'

export interface TreeViewProps {
  tree: ExtractTree
  selection: Selection
  onChange: (selection: Selection) => void
}

const kindWords = { table: null, partitioned: 'partitioned', view: 'view', materialized: 'materialized view' } as const
type Database = ExtractTree['databases'][number]

/** Folded at first, but for the only database with tables; a search opens what it finds. */
export function TreeView({ tree, selection, onChange }: TreeViewProps) {
  const [search, setSearch] = useState('')
  const wanted = search.trim().toLowerCase()
  return (
    <div className="space-y-3">
      <TextInput aria-label="Find a table" placeholder="Find a table…" value={search} onChange={(event) => setSearch(event.target.value)} />
      <ul aria-label="What lies in the copy" className="space-y-1">
        {tree.databases.map((database) => (
          <DatabaseNode key={database.name} database={database} wanted={wanted} selection={selection} onChange={onChange} />
        ))}
      </ul>
    </div>
  )
}

interface NodeProps {
  wanted: string
  selection: Selection
  onChange: (selection: Selection) => void
}

function DatabaseNode({ database, ...props }: NodeProps & { database: Database }) {
  const schemas = database.schemas.map((schema) => ({ ...schema, found: schema.tables.filter(({ name }) => props.wanted === '' || name.toLowerCase().includes(props.wanted)) }))
  const tables = database.schemas.reduce((sum, schema) => sum + schema.tables.length, 0)
  return (
    <Node path={[database.name]} label={database.name} about={`database, ${formatPlural(tables, 'table')}, ${formatBytes(database.sizeBytes)}`} isOpen={props.wanted !== '' && schemas.some(({ found }) => found.length > 0)} {...props}>
      {database.isCut && <li className="text-xs text-muted">There are more tables than are listed: take the schema or the whole database.</li>}
      {schemas.map(({ name, tables: all, found }) =>
        props.wanted !== '' && found.length === 0 ? null : (
          <Node key={name} path={[database.name, name]} label={name} about={`schema, ${formatPlural(all.length, 'table')}`} isOpen={props.wanted !== ''} {...props}>
            {found.map((table) => {
              const path = [database.name, name, table.name]
              const kind = kindWords[table.kind]
              return (
                <li key={table.name} className="flex min-h-8 flex-wrap items-center gap-x-3 pl-8">
                  <Box path={path} label={table.name} {...props} />
                  <span className="font-mono text-xs [overflow-wrap:anywhere]">{table.name}</span>
                  {kind !== null && <Badge>{kind}</Badge>}
                  <span className="text-xs text-faint">
                    {table.rows === null ? 'rows not counted' : `about ${formatPlural(Math.round(table.rows), 'row')}`}
                    {table.sizeBytes > 0 && `, ${formatBytes(table.sizeBytes)}`}
                  </span>
                </li>
              )
            })}
          </Node>
        ),
      )}
    </Node>
  )
}

function Box({ path, label, selection, onChange }: NodeProps & { path: readonly string[]; label: string }) {
  const above = path.length > 1 && isChosen(selection, path.slice(0, -1))
  return <Checkbox hideLabel label={`Take ${path.length === 1 ? 'database' : path.length === 2 ? 'schema' : 'table'} ${label}`} checked={isChosen(selection, path)} mixed={isPartly(selection, path)} disabledReason={above ? 'It comes with what holds it' : undefined} onChange={(isOn) => onChange(choose(selection, path, isOn))} />
}

function Node({ path, label, about, isOpen, children, ...props }: NodeProps & { path: readonly string[]; label: string; about: string; isOpen: boolean; children: ReactNode }) {
  const [wanted, setWanted] = useState<boolean | null>(null)
  const shown = wanted ?? isOpen
  return (
    <li className={path.length > 1 ? 'pl-5' : undefined}>
      <span className="flex min-h-8 flex-wrap items-center gap-x-3">
        <button type="button" aria-expanded={shown} aria-label={`${shown ? 'Close' : 'Open'} ${path.length === 1 ? 'database' : 'schema'} ${label}`} onClick={() => setWanted(!shown)} className="flex size-6 items-center justify-center rounded-sm hover:bg-hover">
          <ChevronRight size={14} aria-hidden className={shown ? 'rotate-90' : undefined} />
        </button>
        <Box path={path} label={label} {...props} />
        <span className="font-medium [overflow-wrap:anywhere]">{label}</span>
        <span className="text-xs text-faint">{about}</span>
      </span>
      {shown && <ul>{children}</ul>}
    </li>
  )
}
