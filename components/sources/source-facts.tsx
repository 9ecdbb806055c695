/** How a source is configured, and the settings in force with where each comes from. */
import { useQuery } from '@tanstack/react-query'
import { isOffered, settingText } from '#components/settings/setting-fields.ts'
import { Badge } from '#components/ui/badge.tsx'
import { LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { KeyValue } from '#components/ui/key-value.tsx'
import { Link } from '#components/ui/link.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import type { Source } from '#lib/contract/sets.ts'
import { settingKeys, settings } from '#lib/domain/settings.ts'

/** Host, directories and connection. */
export function SourceFacts({ source }: { source: Source }) {
  const rows = [
    { key: 'host', label: 'Host', value: <Link href={`/admin/hosts/${source.hostId}`}>{source.hostName}</Link> },
    { key: 'set', label: 'Backup set', value: <Link href={`/backup/what?set=${encodeURIComponent(source.setName)}`}>{source.setName}</Link> },
    { key: 'version', label: 'Server', value: source.serverVersion === null ? (source.major === null ? 'not seen yet' : `PostgreSQL ${source.major}`) : `PostgreSQL ${source.serverVersion}` },
    { key: 'system', label: 'System identifier', value: source.systemIdentifier ?? 'not seen yet', mono: source.systemIdentifier !== null },
    { key: 'data', label: 'Data directory', value: source.dataDirectory, mono: true },
    { key: 'archive', label: 'Archive directory', value: source.archiveDirectory, mono: true },
    { key: 'connection', label: 'Connection', value: `${source.user}@${source.connectionHost}:${source.port}/${source.database === '' ? 'postgres, else template1' : source.database}`, mono: true },
    { key: 'secret', label: 'Signs in with', value: source.hasPassword ? 'a stored password' : (source.passfile ?? 'no password'), mono: source.passfile !== null },
    ...(source.binaries === null ? [] : [{ key: 'binaries', label: 'Binaries', value: source.binaries, mono: true }]),
    ...(source.tempDirectory === null ? [] : [{ key: 'temp', label: 'Temporary directory', value: source.tempDirectory, mono: true }]),
  ]
  return (
    <Card title="Configuration" actions={<LinkButton size="sm" href={`/backup/what?set=${encodeURIComponent(source.setName)}&edit=${source.id}`} disabledReason={source.canChange ? undefined : 'Only the owner of the set and administrators change it'}>Change</LinkButton>}>
      <KeyValue items={rows} />
    </Card>
  )
}

/** Read only; each value with its origin. */
export function SourceSettings({ sourceId }: { sourceId: string }) {
  const resolved = useQuery(api.source.settings.queryOptions({ input: { id: sourceId } }))
  const problem = problemOf(resolved.error)
  return (
    <Card title="Settings in force">
      {resolved.data ? (
        <KeyValue
          columns={2}
          items={settingKeys
            .filter((key) => isOffered(key, 'source', resolved.data.overrides, resolved.data.inherited))
            .map((key) => ({
              key,
              label: settings[key].label,
              value: (
                <span className="inline-flex flex-wrap items-center gap-2">
                  {settingText(key, resolved.data.values[key])}
                  <Badge>{resolved.data.origins[key] === 'source' ? 'own value' : resolved.data.origins[key] === 'default' ? 'default' : `from ${resolved.data.origins[key]}`}</Badge>
                </span>
              ),
            }))}
        />
      ) : problem ? (
        <ProblemNotice problem={problem} live />
      ) : (
        <Loading label="settings" lines={6} />
      )}
    </Card>
  )
}
