'use client'
/** Reports ▸ Custom: backup runs with the columns, filters and time that the address names, and the same as CSV. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { useAddress } from '#components/runs/use-address.ts'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { Checkbox } from '#components/ui/choice.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { formatPlural } from '#components/ui/format.ts'
import { Select } from '#components/ui/select.tsx'
import { Table } from '#components/ui/table.tsx'
import { TextField } from '#components/ui/text-field.tsx'
import { api } from '#lib/client/api.ts'
import { runStates, runStateWords, type RunState } from '#lib/domain/run.ts'
import { Answer } from './answer.tsx'
import { columnsParam, levelFilters, matches, readCustom, type CustomChoice, type LevelFilter } from './custom-choice.ts'
import { spanOf } from './period.ts'
import { backupHref, ReportPage, type ReportScope } from './report-page.tsx'
import { pickColumns, runColumns, runHref } from './run-columns.tsx'

export function CustomReport() {
  return <ReportPage>{(scope) => <Custom scope={scope} />}</ReportPage>
}

const everything = { from: null, to: null, level: null, state: null, text: null }

function Custom({ scope }: { scope: ReportScope }) {
  const { setId, setName, today, zone } = scope
  const address = useAddress()
  const choice = readCustom(address.get, today)
  // The address follows what is typed a moment later; the field shows what was typed.
  const [text, setText] = useState(choice.text)
  const type = (next: string) => {
    setText(next)
    address.change({ text: next })
  }
  const clear = () => {
    setText('')
    address.change(everything)
  }
  const report = useQuery(api.report.runs.queryOptions({ input: { ...spanOf(choice.from, choice.to, zone), ...(setId === undefined ? {} : { setId }) }, refetchInterval: 15_000, placeholderData: keepPreviousData }))
  return (
    <div className="space-y-5">
      <Card title="What to show">
        <Filters choice={choice} text={text} onText={type} />
        <Columns choice={choice} />
      </Card>
      <Answer of={report} label="the runs">
        {(data) => {
          const rows = data.rows.filter((row) => matches(row, { ...choice, text }))
          return (
            <Card title={formatPlural(rows.length, 'run')} description={rows.length === data.rows.length ? undefined : `of ${data.rows.length} in this time`} flush>
              <Table
                key={choice.columns.join()}
                label="Backup runs of the custom report"
                columns={pickColumns(choice.columns, 'left out')}
                fixedColumns
                rows={rows}
                rowKey={(row) => row.runId}
                rowHref={(row) => runHref(row, setName)}
                sorting={choice.columns.includes('at') ? { column: 'at', descending: true } : undefined}
                csvName={`backup-runs-${choice.from}-to-${choice.to}`}
                empty={
                  <EmptyState
                    title={data.rows.length === 0 ? 'No backup ran in this time' : 'No run matches the filters'}
                    action={
                      Object.keys(everything).some((name) => address.get(name) !== null) ? (
                        <Button onClick={clear}>Show all of the last 30 days</Button>
                      ) : (
                        <LinkButton href={backupHref(setName)}>{setName === null ? 'Open backup sets' : 'Back up now'}</LinkButton>
                      )
                    }
                  >
                    {data.rows.length === 0 ? 'Choose another time, or start a backup.' : `${formatPlural(data.rows.length, 'run')} in this time have another level, outcome or name.`}
                  </EmptyState>
                }
              />
            </Card>
          )
        }}
      </Answer>
    </div>
  )
}

const levelOptions = Object.entries(levelFilters).map(([value, { label }]) => ({ value: value as LevelFilter, label }))
const stateOptions: readonly { value: RunState | 'any'; label: string }[] = [{ value: 'any', label: 'Any outcome' }, ...runStates.map((value) => ({ value, label: runStateWords[value] }))]

function Filters({ choice, text, onText }: { choice: CustomChoice; text: string; onText: (text: string) => void }) {
  const address = useAddress()
  return (
    <div className="grid gap-3 sm:grid-cols-2 lg:grid-cols-5">
      {/* A date field hands over dates only while they are whole, so the address never holds half of one. */}
      <Stacked>
        <TextField label="From" type="date" key={choice.from} defaultValue={choice.from} onChange={(event) => event.target.value !== '' && address.change({ from: event.target.value })} />
      </Stacked>
      <Stacked>
        <TextField label="To" type="date" key={choice.to} defaultValue={choice.to} onChange={(event) => event.target.value !== '' && address.change({ to: event.target.value })} />
      </Stacked>
      <Stacked>
        <Select label="Level" options={levelOptions} value={choice.level} onChange={(level) => address.change({ level: level === 'any' ? null : level })} />
      </Stacked>
      <Stacked>
        <Select label="Outcome" options={stateOptions} value={choice.state ?? 'any'} onChange={(state) => address.change({ state: state === 'any' ? null : state })} />
      </Stacked>
      <Stacked>
        <TextField label="Name contains" placeholder="source, host or set" value={text} onChange={(event) => onText(event.target.value)} />
      </Stacked>
    </div>
  )
}

/** A field puts its label above where its box is narrow; each one here has a box of its own. */
function Stacked({ children }: { children: ReactNode }) {
  return <div className="@container min-w-0">{children}</div>
}

function Columns({ choice }: { choice: CustomChoice }) {
  const address = useAddress()
  const toggle = (id: (typeof runColumns)[number]['id'], isOn: boolean) => {
    const columns = runColumns.map((column) => column.id).filter((each) => (each === id ? isOn : choice.columns.includes(each)))
    address.change({ columns: columnsParam(columns) })
  }
  return (
    <fieldset className="mt-4 border-t border-line pt-3">
      <legend className="sr-only">Columns</legend>
      <p aria-hidden className="mb-2 text-xs font-medium text-muted">
        Columns
      </p>
      <div className="grid grid-cols-2 gap-x-4 gap-y-1.5 sm:grid-cols-4 lg:grid-cols-6">
        {runColumns.map(({ id, header }) => {
          const checked = choice.columns.includes(id)
          return <Checkbox key={id} label={header} checked={checked} onChange={(isOn) => toggle(id, isOn)} disabledReason={checked && choice.columns.length === 1 ? 'A report has at least one column' : undefined} />
        })}
      </div>
    </fieldset>
  )
}
