/** How the server of a cluster is stopped and started on its host: the service in front of it, found or given, and its command lines. */
import * as z from 'zod'
import { type Argv, asUser, pgCtlStart, pgCtlStop } from '#lib/postgres/server-commands.ts'
import type { FoundCluster } from './found.ts'

/** Words of a command that a person gave, as a shell would split it; null when it needs more of a shell than quotes. */
export function wordsOf(command: string): Argv | null {
  const words: string[] = []
  let word: string | null = null
  for (const [, space, single, double, escaped, plain] of command.matchAll(/(\s+)|'([^']*)'|"((?:[^"\\$`]|\\.)*)"|\\(.)|([\s\S])/g)) {
    if (space !== undefined) {
      if (word !== null) words.push(word)
      word = null
      continue
    }
    if (plain !== undefined && /["'|&;<>()$`\\*?[\]#~!{}]/.test(plain)) return null
    word = (word ?? '') + (single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? plain ?? '')
  }
  if (word !== null) words.push(word)
  const [program, ...rest] = words
  return program === undefined || program === '' ? null : [program, ...rest]
}

const Command = z.string().trim().min(1, 'is required').max(1000).refine((text) => wordsOf(text) !== null, 'must be one command with its arguments; put pipes, variables and the like into a script')

export const Service = z.discriminatedUnion('kind', [
  /** `sudo`: the agent is not root and may run just these two by sudo without a password. */
  z.strictObject({ kind: z.literal('systemd'), unit: z.string().regex(/^[A-Za-z0-9@:._\\-]+\.service$/, 'must be the name of a unit, such as postgresql-15.service'), sudo: z.boolean() }),
  z.strictObject({ kind: z.literal('pg_ctlcluster'), version: z.string().regex(/^\d+$/), cluster: z.string().regex(/^[A-Za-z0-9_.][A-Za-z0-9_.-]*$/) }),
  z.strictObject({ kind: z.literal('pg_ctl') }),
  z.strictObject({ kind: z.literal('command'), stop: Command, start: Command }),
])
export type Service = z.infer<typeof Service>

export interface ServicePlace {
  binaries: string
  dataDirectory: string
  logFile: string
  /** Of `postgres`, where no service holds them. */
  serverArguments: readonly string[]
  /** Owner of the data directory when the agent is root; else null. */
  user: string | null
}

const STOP_SECONDS = 600
const START_SECONDS = 600

/** A given command was checked when it was given. */
const given = (text: string): Argv => wordsOf(text) ?? ['false']

const builders: { [K in Service['kind']]: (service: Extract<Service, { kind: K }>, place: ServicePlace) => { stop: Argv; start: Argv } } = {
  systemd: ({ unit, sudo }) => ({ stop: sudo ? ['sudo', '-n', 'systemctl', 'stop', unit] : ['systemctl', 'stop', unit], start: sudo ? ['sudo', '-n', 'systemctl', 'start', unit] : ['systemctl', 'start', unit] }),
  pg_ctlcluster: ({ version, cluster }) => ({ stop: ['pg_ctlcluster', version, cluster, 'stop', '-m', 'fast'], start: ['pg_ctlcluster', version, cluster, 'start'] }),
  pg_ctl: (_service, { binaries, dataDirectory, logFile, serverArguments, user }) => ({
    stop: asUser(pgCtlStop({ binaries, dataDirectory, mode: 'fast', waitSeconds: STOP_SECONDS }), user),
    start: asUser(pgCtlStart({ binaries, dataDirectory, logFile, serverArguments, waitSeconds: START_SECONDS }), user),
  }),
  command: ({ stop, start }) => ({ stop: given(stop), start: given(start) }),
}

/** The command lines that stop and start it, as argument lists; none goes through a shell. */
export function serviceCommands<K extends Service['kind']>(service: Extract<Service, { kind: K }>, place: ServicePlace): { stop: Argv; start: Argv } {
  const build: (service: Extract<Service, { kind: K }>, place: ServicePlace) => { stop: Argv; start: Argv } = builders[service.kind]
  return build(service, place)
}

const DEBIAN = /^\/etc\/postgresql\/(\d+)\/([^/]+)\/postgresql\.conf$/

/** The service of a cluster by what its host told; `agentUser` decides whether systemd needs sudo. */
export function serviceOf(cluster: Pick<FoundCluster, 'configFile' | 'service'> | null, agentUser: string): Service {
  const [, version, name] = DEBIAN.exec(cluster?.configFile ?? '') ?? []
  if (version !== undefined && name !== undefined) return { kind: 'pg_ctlcluster', version, cluster: name }
  if (cluster?.service !== undefined) return { kind: 'systemd', unit: cluster.service, sudo: agentUser !== 'root' }
  return { kind: 'pg_ctl' }
}

export const serviceWords = (service: Service): string => {
  switch (service.kind) {
    case 'systemd':
      return `the systemd unit ${service.unit}`
    case 'pg_ctlcluster':
      return `Debian's pg_ctlcluster ${service.version} ${service.cluster}`
    case 'pg_ctl':
      return 'pg_ctl, with the options it was last started with'
    case 'command':
      return 'the commands given'
    default:
      return service satisfies never
  }
}
