/** What completing a recovery does on its host, as place, steps and commands; pure, so that what is shown is what runs. */
import { shownCommand } from '#lib/postgres/server-commands.ts'
import type { FoundCluster } from './found.ts'
import { problem } from './problem.ts'
import type { RecoveryPlace } from './recovery-place.ts'
import { type Service, serviceCommands, serviceOf, serviceWords } from './service.ts'

export interface RecoveryRequest {
  inPlace: boolean
  port: number | null
  service: Service | null
}

export interface RecoveryFacts {
  source: { name: string; hostId: string; dataDirectory: string; archiveDirectory: string; port: number; user: string; binaries: string | null; systemIdentifier: string | null; major: number | null }
  host: { id: string; name: string; clusters: readonly FoundCluster[]; agentUser: string }
  /** Of the restored copy. */
  copy: string
  major: number
}

/** Files of one machine do not start on any other. */
export const otherHostNeeds = 'needs PostgreSQL of the same major version and architecture, and the same C library for text in the right order'

const DEFAULT_PORT = 5433
/** The agent looks for the programs where the console knows none. */
const UNKNOWN = '/unknown'
const shown = (argv: readonly string[]): string => shownCommand(argv.map((word) => word.replace(`${UNKNOWN}/`, '')))

/** Throws invalid-input for what cannot be, with the field. */
export function placeOf({ inPlace, port, service }: RecoveryRequest, { source, host, copy, major }: RecoveryFacts): RecoveryPlace {
  const refuse = (path: string, message: string, hint: string): Error => problem('invalid-input', message, { hint, fields: [{ path, message }] })
  const cluster = (source.hostId === host.id && host.clusters.find((one) => one.dataDirectory === source.dataDirectory)) || null
  // Its own before those of any other server that was found.
  const ofMajor = [cluster, ...host.clusters].find((one) => one?.major === major && one.binaries !== undefined)?.binaries ?? null
  if (!inPlace) {
    if (service !== null && service.kind !== 'pg_ctl') throw refuse('recovery.service', 'A copy that opens elsewhere has no service yet: it is started by pg_ctl', 'Leave the service out, or recover in place.')
    const own = source.major === major ? source.binaries : null
    return { dataDirectory: `${copy}/data`, inPlace, systemIdentifier: null, service: { kind: 'pg_ctl' }, port: port ?? DEFAULT_PORT, configFile: null, archiveDirectory: null, binaries: source.hostId === host.id ? (own ?? ofMajor) : (ofMajor ?? own), user: source.user }
  }
  if (host.id !== source.hostId) throw refuse('hostId', `In place means on the host of ${source.name}`, 'Choose its own host, or let the copy open elsewhere.')
  if (source.systemIdentifier === null) throw refuse('recovery.inPlace', `The system identifier of ${source.name} is not known yet`, 'Check the source in Backup ▸ What, then plan again.')
  if (port !== null) throw refuse('recovery.port', 'In place the cluster keeps its own port', 'Leave the port out.')
  const configFile = cluster?.configFile ?? null
  return {
    dataDirectory: source.dataDirectory, inPlace, systemIdentifier: source.systemIdentifier, service: service ?? serviceOf(cluster, host.agentUser), port: cluster?.port ?? source.port,
    configFile: configFile === null || configFile.startsWith(`${source.dataDirectory}/`) ? null : configFile, archiveDirectory: source.archiveDirectory,
    binaries: source.major === major ? (source.binaries ?? (cluster?.major === major ? (cluster.binaries ?? null) : null)) : null, user: source.user,
  }
}

export interface ShownRecovery {
  inPlace: boolean
  hostName: string
  dataDirectory: string
  port: number
  copy: string
  setAside: string | null
  service: string
  serviceKind: Service['kind']
  stopCommand: string | null
  startCommand: string
  steps: string[]
  notes: string[]
  confirmName: string | null
}

export function shownRecovery(place: RecoveryPlace, { source, host, copy }: RecoveryFacts): ShownRecovery {
  const cluster = host.clusters.find((one) => one.dataDirectory === place.dataDirectory)
  const binaries = place.binaries ?? UNKNOWN
  const commands = serviceCommands(place.service, { binaries, dataDirectory: place.dataDirectory, logFile: `${place.dataDirectory}/server.log`, serverArguments: [], user: host.agentUser === 'root' ? (cluster?.owner ?? 'postgres') : null })
  const setAside = place.inPlace ? `${place.dataDirectory}.before-<run>` : null
  const steps = place.inPlace
    ? [
        'Check everything that could stand in the way; nothing is touched before that',
        `Stop the server by ${serviceWords(place.service)}`,
        `Set the old cluster aside by rename, as ${setAside}`,
        `Put the copy in its place by rename, with the owner and mode of the old one and a fresh pg_wal`,
        'Start it for the agent alone, without TCP and without archiving, and follow it to the target',
        'Look into it: system identifier, timeline, every database',
        'Start the service for everybody; archiving goes on, on the new timeline',
      ]
    : ['Check everything that could stand in the way', 'Start it for the agent alone, without TCP, and follow it to the target', 'Look into it: system identifier, timeline, every database', `Start it on port ${place.port}; it never archives`]
  const notes = place.inPlace
    ? [
        `${source.name} is away from the stop until the server opens. Whatever fails on the way, the old cluster is put back and started.`,
        'Tablespaces of the old cluster stay where they are; the copy has its own, in its directory.',
        ...(place.service.kind === 'pg_ctlcluster' && host.agentUser !== 'root' ? [`The agent is ${host.agentUser}: pg_ctlcluster starts the server outside of systemd. To put it back under systemd later: pg_ctlcluster ${place.service.version} ${place.service.cluster} stop, then systemctl start postgresql@${place.service.version}-${place.service.cluster}.`] : []),
      ]
    : ['The running cluster is not touched.']
  return {
    inPlace: place.inPlace, hostName: host.name, dataDirectory: place.dataDirectory, port: place.port, copy, setAside, service: serviceWords(place.service), serviceKind: place.service.kind,
    stopCommand: place.inPlace ? shown(commands.stop) : null, startCommand: shown(commands.start), steps, notes, confirmName: place.inPlace ? source.name : null,
  }
}
