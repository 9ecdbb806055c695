/** Operations on hosts and their agents; whatever must reach the host answers with the run that does it. */
import * as z from 'zod'
import { FoundCluster } from '#lib/domain/found.ts'
import { operation } from './operation.ts'
import { Comment, Empty, Id, Name, Path, Port, RunRef, Time } from './shapes.ts'

const hostFields = {
  name: Name,
  address: z.string().trim().min(1, 'is required').max(253).regex(/^[A-Za-z0-9._:%-]+$/, 'a host name or an IP address'),
  port: Port.default(22),
  user: z.string().trim().min(1, 'is required').max(64).regex(/^[A-Za-z_][A-Za-z0-9_.-]*\$?$/, 'a user name of the host'),
  runAs: z.string().trim().max(64).regex(/^([A-Za-z_][A-Za-z0-9_.-]*)?$/, 'a user name of the host').nullable().default(null),
  stateDirectory: z.string().trim().max(1000).regex(/^(\/[^\0\n]*)?$/, 'must be an absolute path').nullable().default(null),
  comment: Comment.default(''),
}
/** Exactly one of password and private key (OpenSSH or PEM, unencrypted or with `passphrase`). */
const HostSecret = z.discriminatedUnion('signIn', [
  z.object({ signIn: z.literal('password'), password: z.string().min(1, 'is required').max(1000) }),
  z.object({ signIn: z.literal('key'), privateKey: z.string().min(1, 'is required').max(20000), passphrase: z.string().max(1000).optional() }),
])
export const HostInput = z.object({ ...hostFields, secret: HostSecret })
/** `stateDirectory`: absent keeps it. */
export const HostChange = z.object({ id: Id, ...hostFields, port: Port, runAs: hostFields.runAs.unwrap(), stateDirectory: hostFields.stateDirectory.unwrap().optional(), comment: Comment, secret: HostSecret.nullable() })

export const Host = z.object({
  id: Id, name: z.string(), address: z.string(), port: z.int(), user: z.string(), signIn: z.enum(['password', 'key']), runAs: z.string().nullable(), stateDirectory: z.string().nullable(), comment: z.string(),
  hostKeyFingerprint: z.string().nullable(), hostKeyConfirmedAt: Time.nullable(), hostKeyConfirmedBy: z.string().nullable(),
  offeredKeyFingerprint: z.string().nullable(), offeredKeyAt: Time.nullable(),
  /** key-unknown and key-changed wait for a person; no-agent waits for deploy. */
  state: z.enum(['new', 'key-unknown', 'key-changed', 'no-agent', 'outdated', 'online', 'offline']), offlineReason: z.string().nullable(), lastSeenAt: Time.nullable(),
  agentVersion: z.string().nullable(), agentSha256: z.string().nullable(), agentDeployedAt: Time.nullable(),
  os: z.string().nullable(), kernel: z.string().nullable(), architecture: z.string().nullable(), cpus: z.int().nullable(), memoryBytes: z.int().nullable(), describedAt: Time.nullable(),
  tools: z.array(z.object({ name: z.string(), path: z.string(), version: z.string().nullable() })), clusters: z.array(FoundCluster), sources: z.array(z.object({ id: Id, name: z.string(), setName: z.string() })),
})
export type Host = z.infer<typeof Host>

export const hosts = {
  list: operation('GET', '/hosts', 'read', 'List hosts').output(z.array(Host)),
  get: operation('GET', '/hosts/{id}', 'read', 'One host').input(z.object({ id: Id })).output(Host),
  /** Starts reading the host key at once. */
  create: operation('POST', '/hosts', 'host.change', 'Add a host').input(HostInput).output(Host.and(RunRef)),
  update: operation('PUT', '/hosts/{id}', 'host.change', 'Change a host').input(HostChange).output(Host),
  /** Refused while sources use it. Removes the row only; `undeploy` first to remove the agent. */
  remove: operation('DELETE', '/hosts/{id}', 'host.change', 'Forget a host').input(z.object({ id: Id })).output(Empty),
  readKey: operation('POST', '/hosts/{id}/read-key', 'host.change', 'Read the host key').input(z.object({ id: Id })).output(RunRef),
  /** Pins the offered key; `fingerprint` must equal it. */
  confirmKey: operation('POST', '/hosts/{id}/confirm-key', 'host.change', 'Confirm the host key').input(z.object({ id: Id, fingerprint: z.string() })).output(Host),
  deploy: operation('POST', '/hosts/{id}/deploy', 'host.change', 'Deploy or upgrade the agent').input(z.object({ id: Id })).output(RunRef),
  undeploy: operation('POST', '/hosts/{id}/undeploy', 'host.change', 'Remove the agent').input(z.object({ id: Id })).output(RunRef),
  describe: operation('POST', '/hosts/{id}/describe', 'host.change', 'Look for clusters and tools').input(z.object({ id: Id })).output(RunRef),
  /** Space, emptiness and use of a directory on the host; the answer is the run's result. */
  inspect: operation('POST', '/hosts/{id}/inspect', 'restore.run', 'Inspect a directory').input(z.object({ id: Id, path: Path })).output(RunRef),
}
