/** Am I safe: every source's verdict, what runs, what needs a person, and what comes next. */
import type { HostRow } from '#lib/db/hosts.ts'
import type { StorageRow } from '#lib/db/storages.ts'
import { nextRuns } from '#lib/domain/schedule.ts'
import type { Actor, Console } from './console.ts'
import { healthOf, type SourceHealth } from './health.ts'
import { shownHost } from './hosts.ts'
import { viewGroups } from './run-view.ts'
import type { Input, Output } from './shapes.ts'

type Overview = Output<'overview', 'get'>
type Attention = Overview['attention'][number]

const NEXT = 5

export async function getOverview(console: Console, _actor: Actor, { setId }: Input<'overview', 'get'>): Promise<Overview> {
  const { db } = console
  const now = console.now()
  const [rows, sets, hosts, storages, groups, counts] = await Promise.all([
    db.sources.listSources({ setId }), db.sets.listSets(), db.hosts.listHosts(), db.storages.listStorages(), db.runs.listGroups({ setId, states: ['queued', 'running', 'cancelling'] }, 50), db.overview.countAll(now),
  ])
  const sources = await healthOf(console, rows)
  const scheduled = sets.filter((set) => set.isActive && (setId === undefined || set.id === setId) && rows.some((source) => source.setId === set.id && source.isActive))
  return {
    asOf: now.toISOString(), recoverable: sources.filter((source) => source.isRecoverable).length, total: sources.length, sources, running: await viewGroups(console, groups),
    attention: [...(counts.workers === 0 ? [noWorker] : []), ...sources.flatMap(sourceAttention), ...hosts.flatMap((host) => hostAttention(host, console.version)), ...storages.flatMap((storage) => storageAttention(storage))].toSorted((a, b) => (a.severity === b.severity ? 0 : a.severity === 'error' ? -1 : 1)),
    next: scheduled.flatMap((set) => nextRuns(set, now.getTime(), NEXT).map((run) => ({ setId: set.id, setName: set.name, at: new Date(run.at).toISOString(), level: run.level }))).toSorted((a, b) => (a.at < b.at ? -1 : 1)).slice(0, NEXT),
    counts,
  }
}

const noWorker: Attention = { id: 'worker', severity: 'error', subject: 'Worker', text: 'No worker runs: nothing is backed up, checked or collected.', fix: 'Start Howdah with `npm run up`; it starts a worker.', href: '/monitor' }

/** Warnings and errors need a person; what is not known yet is said by the set's steps and the source's page. A source that nothing asks of is quiet. */
function sourceAttention(source: SourceHealth): Attention[] {
  if (!source.isActive) return []
  return source.clauses.flatMap((clause) => (clause.status === 'warn' || clause.status === 'error' ? [{ id: `source:${source.id}:${clause.id}`, severity: clause.status, subject: source.name, text: clause.text, fix: clause.fix, href: `/sources/${source.id}` }] : []))
}

const hostWords: Partial<Record<ReturnType<typeof shownHost>['state'], { severity: Attention['severity']; text: string; fix: string }>> = {
  'key-unknown': { severity: 'warn', text: 'Its host key waits to be confirmed.', fix: 'Compare the fingerprint with the one on the host, then confirm it.' },
  'key-changed': { severity: 'error', text: 'It offers another host key than the confirmed one; nothing connects to it.', fix: 'If the host was reinstalled, confirm the new key; otherwise treat it as an attack.' },
  'no-agent': { severity: 'warn', text: 'It has no agent.', fix: 'Deploy the agent.' },
  outdated: { severity: 'warn', text: 'Its agent is older than this console.', fix: 'Upgrade the agent.' },
}

function hostAttention(row: HostRow, version: string): Attention[] {
  const host = shownHost(row, version)
  const words = host.state === 'offline' ? { severity: 'error' as const, text: `It is offline: ${host.offlineReason ?? 'it does not answer'}`, fix: 'Check address, port and firewall from the machine that runs the worker.' } : hostWords[host.state]
  return words === undefined ? [] : [{ id: `host:${host.id}`, subject: host.name, href: `/admin/hosts/${host.id}`, ...words }]
}

function storageAttention({ id, name, testProblem }: StorageRow): Attention[] {
  return testProblem === null ? [] : [{ id: `storage:${id}`, severity: 'error', subject: name, text: `Its last test failed: ${testProblem}`, fix: 'Mend it, then test it again.', href: `/admin/storages/${id}` }]
}
