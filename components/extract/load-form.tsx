'use client'
/** Where the chosen parts of an extract go: into a server of its host under a policy, or into files. */
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Button } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { Checkbox, RadioCards } from '#components/ui/choice.tsx'
import { ConfirmDialog } from '#components/ui/confirm-dialog.tsx'
import { formatBytes } from '#components/ui/format.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { Select } from '#components/ui/select.tsx'
import { TextField } from '#components/ui/text-field.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import type { ExtractDetail, LoadRequest } from '#lib/contract/extracts.ts'
import { dumpFormats, dumpFormatWords, extractNotes, extractPolicies, extractPolicyWords, isWhole, type DumpFormat, type ExtractPolicy, type ExtractTree } from '#lib/domain/extract.ts'
import { chosenBytes, itemsOf, type Selection } from './selection.ts'

const kinds = [
  { value: 'server', label: 'Into a server', description: 'Dumped and loaded in one go, all or nothing; row counts are compared afterwards.' },
  { value: 'file', label: 'Into files', description: 'One dump for each database, in a folder of the host.' },
] as const
const policyOptions = extractPolicies.map((value) => ({ value, ...extractPolicyWords[value] }))
const formatOptions = dumpFormats.map((value) => ({ value, label: dumpFormatWords[value] }))

export interface LoadFormProps {
  extract: ExtractDetail
  tree: ExtractTree
  selection: Selection
  onStarted: (runId: string) => void
}

export function LoadForm({ extract, tree, selection, onStarted }: LoadFormProps) {
  const [kind, setKind] = useState<'server' | 'file'>(extract.targets.length > 0 ? 'server' : 'file')
  const [targetId, setTargetId] = useState(extract.targets[0]?.sourceId)
  const [database, setDatabase] = useState('')
  const [policy, setPolicy] = useState<ExtractPolicy>('refuse')
  const [folder, setFolder] = useState(extract.defaultFolder)
  const [format, setFormat] = useState<DumpFormat>('custom')
  const [withOwners, setWithOwners] = useState(true)
  const [isAsking, setAsking] = useState(false)
  const load = useMutation(api.extract.load.mutationOptions({ onSuccess: ({ runId }) => onStarted(runId), onSettled: () => setAsking(false) }))
  const items = itemsOf(selection, tree)
  const hasParts = items.some((item) => !isWhole(item))
  const target = extract.targets.find(({ sourceId }) => sourceId === targetId)
  const into: LoadRequest['into'] | null = kind === 'file' ? { kind, folder: folder.trim(), format } : targetId === undefined ? null : { kind, sourceId: targetId, database: hasParts && database.trim() !== '' ? database.trim() : null, policy }
  const failed = problemOf(load.error)
  const error = (path: string) => failed?.fields?.find((one) => one.path === path)
  const refusal = items.length === 0 ? 'Choose what to take first' : into === null ? 'No source of this host is there to load into' : kind === 'file' && folder.trim() === '' ? 'Name the folder' : undefined
  const start = () => into !== null && load.mutate({ id: extract.runId, items, withOwners, into })
  return (
    <Card title="Where it goes" description={items.length === 0 ? 'Choose databases, schemas or tables first.' : `About ${formatBytes(chosenBytes(selection, tree))} of ${items.length === 1 ? 'one database' : `${items.length} databases`} are chosen.`}>
      <div className="space-y-4">
        {extract.sourceId !== null && !extract.targets.some(({ isOwn }) => isOwn) && (
          <p className="text-xs text-muted">
            This copy is open on {extract.hostName ?? 'another host'}, and its source {extract.sourceName} runs on another one: write files and carry them over, or extract on its own host.
          </p>
        )}
        <RadioCards label="Target" columns={2} options={kinds} value={kind} onChange={setKind} />
        {kind === 'server' ? (
          <>
            <Select label="Server" options={extract.targets.map(({ sourceId, name, isOwn, user }) => ({ value: sourceId, label: name, description: `${isOwn ? 'the source itself' : 'another source of this host'}, as ${user}` }))} value={targetId} onChange={setTargetId} error={error('into.sourceId')} />
            {hasParts && <TextField label="Database" optional mono placeholder="the one of the same name" help="Of the target; it has to be there. Whole databases are made anew." value={database} onChange={(event) => setDatabase(event.target.value)} error={error('into.database')} />}
            <RadioCards label="When it is there already" options={policyOptions} value={policy} onChange={setPolicy} />
            {policy === 'replace' && <ProblemNotice tone="strange" problem={{ message: `What has the same name in ${target?.name ?? 'the target'} is dropped`, detail: 'Tables and schemas are dropped and made anew in one transaction; a whole database is loaded beside the old one, which is then kept under another name.', hint: 'Load it under another name if you only want to look, or to take single rows.' }} />}
          </>
        ) : (
          <>
            <TextField label="Folder" mono wide help="On the host of the scratch server; made if it is missing. Files that are there are never overwritten." value={folder} onChange={(event) => setFolder(event.target.value)} error={error('into.folder')} />
            <Select label="Format" options={formatOptions} value={format} onChange={setFormat} />
          </>
        )}
        <Checkbox label="Bring owners and privileges along" help="Their roles have to be there where it is loaded." checked={withOwners} onChange={setWithOwners} />
        <ul className="list-disc space-y-1 pl-5 text-xs text-muted">
          {extractNotes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
        {failed !== null && <ProblemNotice problem={failed} live />}
        <Button variant="primary" loading={load.isPending} disabledReason={refusal} onClick={() => (kind === 'server' && policy === 'replace' ? setAsking(true) : start())}>
          {kind === 'file' ? 'Write the files' : policy === 'replace' ? 'Replace…' : 'Load'}
        </Button>
        <ConfirmDialog
          open={isAsking}
          onOpenChange={setAsking}
          danger
          title={`Replace what is in ${target?.name ?? 'the target'}?`}
          consequences={[...items.map((item) => (isWhole(item) ? `Database ${item.database} takes the place of the one there, which is kept under another name.` : `${[...item.schemas.map((schema) => `schema ${schema}`), ...item.tables.map(({ schema, name }) => `${schema}.${name}`)].slice(0, 8).join(', ')} ${item.schemas.length + item.tables.length > 8 ? '… ' : ''}of ${database.trim() === '' ? item.database : database.trim()}: dropped and loaded as it was (${extract.targetText}).`)), 'What was written to it since is lost. Everything else in the target stays as it is.']}
          confirmLabel="Replace"
          pending={load.isPending}
          onConfirm={start}
        />
      </div>
    </Card>
  )
}
