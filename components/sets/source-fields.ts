/** What a source's form starts from: what was found on the host, or the source as it is. */
import type { Host } from '#lib/contract/hosts.ts'
import type { Source } from '#lib/contract/sets.ts'

type Cluster = Host['clusters'][number]

export interface SourceDraft {
  hostId: string
  name: string
  dataDirectory: string
  archiveDirectory: string
  connectionHost: string
  port: number
  user: string
  database: string
  passfile: string
  binaries: string
  tempDirectory: string
  password: string
}

export const emptyDraft: SourceDraft = { hostId: '', name: '', dataDirectory: '', archiveDirectory: '', connectionHost: '/var/run/postgresql', port: 5432, user: 'postgres', database: '', passfile: '', binaries: '', tempDirectory: '', password: '' }

export const draftOfSource = (source: Source): SourceDraft => ({
  hostId: source.hostId, name: source.name, dataDirectory: source.dataDirectory, archiveDirectory: source.archiveDirectory, connectionHost: source.connectionHost, port: source.port, user: source.user, database: source.database,
  passfile: source.passfile ?? '', binaries: source.binaries ?? '', tempDirectory: source.tempDirectory ?? '', password: '',
})

/** What choosing a found cluster fills in; what was not found is left as typed. */
export function draftOfCluster(draft: SourceDraft, cluster: Cluster, hostName: string): SourceDraft {
  return {
    ...draft,
    dataDirectory: cluster.dataDirectory,
    name: draft.name === '' ? suggestName(hostName, cluster) : draft.name,
    archiveDirectory: cluster.archiveDirectory ?? draft.archiveDirectory,
    connectionHost: cluster.socketDirectory ?? draft.connectionHost,
    port: cluster.port ?? draft.port,
    binaries: cluster.binaries ?? draft.binaries,
  }
}

/** 'db-01-15' from host and major: a valid name whatever the host is called. */
export const suggestName = (hostName: string, cluster: Pick<Cluster, 'major'>): string => `${hostName.replaceAll(/[^A-Za-z0-9._-]/g, '-')}${cluster.major === null ? '' : `-${cluster.major}`}`.slice(0, 63)

/** Empty text = not given. */
export const orNull = (text: string): string | null => (text.trim() === '' ? null : text.trim())
