'use client'
/** The frame of Backup ▸ What … Now: the set's sentence, its tabs with their marks, and what to do where there is no set. */
import { DatabaseBackup } from 'lucide-react'
import { usePathname } from 'next/navigation'
import type { ReactNode } from 'react'
import { PageHeader } from '#components/frame/page-header.tsx'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { LinkTabs } from '#components/ui/tabs.tsx'
import type { BackupSet } from '#lib/contract/sets.ts'
import { SetActions } from './set-actions.tsx'
import { SetForm } from './set-form.tsx'
import { inSet, useSet } from './use-set.ts'

export const backupPages = {
  what: { label: 'What', title: 'Backup what' },
  where: { label: 'Where', title: 'Backup where' },
  how: { label: 'How', title: 'Backup how' },
  when: { label: 'When', title: 'Backup when' },
  now: { label: 'Now', title: 'Backup now' },
} as const
export type BackupPageName = keyof typeof backupPages
const pageNames = Object.keys(backupPages) as BackupPageName[]

/** Loads the chosen set and hands it to `children`. */
export function BackupPage({ page, children }: { page: BackupPageName; children: (set: BackupSet) => ReactNode }) {
  const choice = useSet()
  const pathname = usePathname()
  if (choice.state === 'loading') return <Loading label="the backup set" lines={8} />
  if (choice.state === 'failed') return <ProblemNotice problem={choice.problem} live actions={<Button onClick={choice.retry}>Try again</Button>} />
  if (choice.state === 'none') return <NoSet />
  if (choice.state === 'unknown')
    return (
      <EmptyState
        icon={<DatabaseBackup aria-hidden />}
        title={`There is no backup set named ${choice.name}`}
        action={choice.sets.map((set) => (
          <LinkButton key={set.id} href={inSet(pathname, set)}>
            {set.name}
          </LinkButton>
        ))}
      >
        It may have been renamed or deleted. These are there:
      </EmptyState>
    )
  const { set } = choice
  return (
    <div className="space-y-5">
      <PageHeader
        title={backupPages[page].title}
        state={set.isActive ? <StateMark state="ok">Active</StateMark> : <StateMark state="unknown">Not active</StateMark>}
        description={set.sentence}
        actions={<SetActions set={set} />}
      />
      <LinkTabs
        label={`Backup set ${set.name}`}
        current={inSet(`/backup/${page}`, set)}
        tabs={pageNames.map((name) => ({ href: inSet(`/backup/${name}`, set), label: backupPages[name].label, mark: set.steps.find((step) => step.page === name)?.state }))}
      />
      <StepText set={set} page={page} />
      {children(set)}
    </div>
  )
}

/** Why this tab is not ticked. */
function StepText({ set, page }: { set: BackupSet; page: BackupPageName }) {
  const step = set.steps.find((candidate) => candidate.page === page)
  if (step === undefined || step.state === 'done') return null
  return <ProblemNotice tone={step.state === 'problem' ? 'strange' : 'note'} problem={{ message: step.text }} />
}

function NoSet() {
  return (
    <div className="space-y-5">
      <PageHeader title="Backup" description="A backup set says under one name what is backed up, where to, how and when." />
      <SetForm isFirst />
    </div>
  )
}
