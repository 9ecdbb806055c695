/** What the agent found on a host without connecting to any server: clusters with their archiving, and tools. */
import { Badge } from '#components/ui/badge.tsx'
import { LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { KeyValue } from '#components/ui/key-value.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import type { Host } from '#lib/contract/hosts.ts'
import { versionInWords } from '#lib/domain/found.ts'

type Cluster = Host['clusters'][number]

/** One card a cluster. */
export function FoundClusters({ host }: { host: Host }) {
  if (host.describedAt === null || host.clusters.length === 0) return null
  return (
    <div className="grid gap-4 xl:grid-cols-2">
      {host.clusters.map((cluster) => (
        <ClusterCard key={cluster.dataDirectory} cluster={cluster} />
      ))}
    </div>
  )
}

function ClusterCard({ cluster }: { cluster: Cluster }) {
  const rows = [
    { key: 'state', label: 'State', value: cluster.isRunning ? <StateMark state="ok">Running</StateMark> : <StateMark state="unknown">Not running</StateMark> },
    { key: 'owner', label: 'Owner', value: cluster.owner, mono: true },
    { key: 'port', label: 'Port', value: cluster.port },
    { key: 'socket', label: 'Socket directory', value: cluster.socketDirectory, mono: true },
    { key: 'service', label: 'Service', value: cluster.service, mono: true },
    { key: 'config', label: 'Configuration', value: cluster.configFile, mono: true },
    { key: 'binaries', label: 'Binaries', value: cluster.binaries, mono: true },
    { key: 'mode', label: 'archive_mode', value: cluster.archiveMode, mono: true },
    { key: 'command', label: 'archive_command', value: cluster.archiveCommand === '' ? undefined : cluster.archiveCommand, mono: true },
    { key: 'archive', label: 'Archive directory', value: cluster.archiveDirectory, mono: true },
    { key: 'system', label: 'System identifier', value: cluster.systemIdentifier, mono: true },
  ]
  return (
    <Card
      title={
        <span className="flex flex-wrap items-center gap-2 [overflow-wrap:anywhere]">
          <span className="font-mono text-sm">{cluster.dataDirectory}</span>
          <Badge>{versionInWords(cluster.major)}</Badge>
        </span>
      }
      actions={
        <LinkButton size="sm" href="/backup/what?add=1">
          Back it up
        </LinkButton>
      }
    >
      <KeyValue items={rows.filter((row) => row.value !== undefined)} />
      {cluster.problem !== undefined && (
        <div className="mt-3">
          <ProblemNotice tone="strange" problem={{ message: cluster.problem }} />
        </div>
      )}
    </Card>
  )
}

/** Programs of PostgreSQL and others that restores and checks may use. */
export function FoundTools({ host }: { host: Host }) {
  if (host.tools.length === 0) return <p className="text-muted">None found. Backups need none of them.</p>
  return <KeyValue items={host.tools.map((tool) => ({ key: tool.path, label: tool.version === null ? tool.name : `${tool.name} ${tool.version}`, value: tool.path, mono: true }))} />
}
