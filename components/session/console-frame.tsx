'use client'
/** The frame of every signed-in page, filled with data: sets, what runs, what needs attention, what Ctrl K finds. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { KeyRound } from 'lucide-react'
import { usePathname, useRouter, useSearchParams } from 'next/navigation'
import { useMemo, type ReactNode } from 'react'
import type { Alert } from '#components/frame/alerts-button.tsx'
import { AppShell } from '#components/frame/app-shell.tsx'
import { isWithin } from '#components/frame/navigation.ts'
import type { SetChoice } from '#components/frame/set-selector.tsx'
import { healthMarks } from '#components/overview/safety.ts'
import { Button } from '#components/ui/button.tsx'
import { formatPlural } from '#components/ui/format.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import type { State } from '#components/ui/state.ts'
import { useToast } from '#components/ui/toast.tsx'
import { api, type Outputs } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession, useSignOut } from '#lib/client/session.ts'
import type { BackupSet } from '#lib/contract/sets.ts'
import type { User } from '#lib/contract/shapes.ts'
import { roleWords } from '#lib/domain/role.ts'
import { runCan } from '#lib/domain/run.ts'
import { paletteSections } from './palette-entries.tsx'

type Overview = Outputs['overview']['get']
const none: readonly never[] = []

/** Rail, top bar and palette around `children`; `user` is the signed-in person. */
export function ConsoleFrame({ user, children }: { user: User; children: ReactNode }) {
  const router = useRouter()
  const path = usePathname()
  const asked = useSearchParams().get('set')
  const toast = useToast()
  const { can } = useSession()
  const signOut = useSignOut()
  const slow = { refetchInterval: 30_000, placeholderData: keepPreviousData } as const
  const overview = useQuery(api.overview.get.queryOptions({ input: {}, refetchInterval: 5000, placeholderData: keepPreviousData }))
  const sets = useQuery(api.set.list.queryOptions(slow))
  const sources = useQuery(api.source.list.queryOptions({ input: {}, ...slow }))
  const hosts = useQuery(api.host.list.queryOptions(slow))
  const storages = useQuery(api.storage.list.queryOptions(slow))

  // Backup pages are always about one set: the first, where the address names none.
  const shown = sets.data?.find((set) => set.name === asked) ?? (asked === null && isWithin(path, '/backup') ? sets.data?.[0] : undefined)
  const palette = useMemo(
    () => paletteSections({ sets: sets.data ?? none, sources: sources.data ?? none, hosts: hosts.data ?? none, storages: storages.data ?? none }, (permission) => can(permission, true)),
    [sets.data, sources.data, hosts.data, storages.data, can],
  )
  const problem = problemOf(overview.error)
  return (
    <AppShell
      path={path}
      sets={(sets.data ?? none).map((set) => setChoice(set, overview.data))}
      selectedSet={shown?.name ?? asked}
      addSetHref="/backup?new=1"
      canAddSet={can('set.create')}
      user={{ name: user.name, email: user.email, role: user.role, roleWord: roleWords[user.role] }}
      userItems={[{ key: 'password', label: 'Change your password', icon: <KeyRound />, href: '/admin/password' }]}
      runningCount={(overview.data?.running ?? none).flatMap((group) => group.runs).filter((run) => runCan('follow', run)).length}
      runningHref="/monitor"
      alerts={(overview.data?.attention ?? none).map(alertOf)}
      pageMarks={Object.fromEntries((shown?.steps ?? none).map((step) => [`/backup/${step.page}`, step.state]))}
      palette={palette}
      onSignOut={() => signOut.mutate(undefined, { onSuccess: () => router.replace('/sign-in'), onError: (failure) => toast({ title: problemOf(failure).message, detail: problemOf(failure).hint, state: 'failed' }) })}
    >
      {problem && overview.data && (
        <div className="mb-4">
          <ProblemNotice tone="strange" problem={problem} live actions={<Button size="sm" onClick={() => void overview.refetch()}>Try again</Button>}>
            <p className="mt-0.5 text-muted">
              What you see is as of <RelativeTime at={overview.data.asOf} form="clock" />.
            </p>
          </ProblemNotice>
        </div>
      )}
      {children}
    </AppShell>
  )
}

const alertOf = (item: Overview['attention'][number]): Alert => ({ key: item.id, state: healthMarks[item.severity].state, title: item.subject, detail: item.text, href: item.href })

/** A set is as well as its worst source; one that is unfinished or not active is never green. */
function setChoice(set: BackupSet, overview: Overview | undefined): SetChoice {
  if (set.steps.some((step) => step.state === 'problem')) return { name: set.name, state: 'failed', note: 'has a problem' }
  if (set.steps.some((step) => step.page !== 'now' && step.state === 'gap')) return { name: set.name, state: 'unknown', note: 'not complete' }
  if (!set.isActive) return { name: set.name, state: 'unknown', note: 'not active' }
  const states = (overview?.sources ?? none).filter((source) => source.setId === set.id && source.isActive).map((source) => source.state)
  const worst = (['error', 'warn', 'unknown', 'ok'] as const).find((state) => states.includes(state))
  const state: State = worst === undefined ? 'unknown' : healthMarks[worst].state
  return { name: set.name, state, note: formatPlural(set.sources, 'source') }
}
