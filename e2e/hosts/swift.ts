// A real S3 server: Debian's OpenStack Swift with s3api, one device in a plain directory, its four servers on loopback.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { CreateBucketCommand } from '@aws-sdk/client-s3'
import { s3Client, type S3Options } from '#lib/storage/s3-client.ts'
import { serverFolder, serverUser } from './cluster.ts'
import { freePort } from './ports.ts'

export interface Swift extends AsyncDisposable {
  port: number
  /** For a new bucket, or one that `bucket` names and nobody made. */
  options(bucket: string): S3Options
  makeBucket(bucket: string): Promise<S3Options>
  /** The bucket refuses what would make it larger than this; told to the container's own server, as an operator would by Swift's API. */
  limitBucket(bucket: string, bytes: number): Promise<void>
  log(): string
}

const ACCOUNT = 'test'
export const swiftKeys = { accessKeyId: `${ACCOUNT}:tester`, secretAccessKey: 'a-secret-of-the-tests' }
const REGION = 'us-east-1'
const environment: NodeJS.ProcessEnv = { NODE_ENV: 'test', PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' }

const kinds = ['account', 'container', 'object'] as const
type Kind = (typeof kinds)[number]
const PIPELINE = 'catch_errors gatekeeper cache s3api tempauth bulk copy container-quotas slo dlo proxy-server'
/** Filters by the name of their entry point in egg:swift, with what differs from their defaults. */
const filters: Record<string, readonly [string, ...string[]]> = {
  catch_errors: ['catch_errors'], gatekeeper: ['gatekeeper'], bulk: ['bulk'], copy: ['copy'], 'container-quotas': ['container_quotas'], slo: ['slo'], dlo: ['dlo'],
  // tempauth insists on a cache; this one is nowhere, so that every answer is fresh.
  cache: ['memcache', 'memcache_servers = 127.0.0.1:9'],
  s3api: ['s3api', `location = ${REGION}`, 's3_acl = false', 'auth_pipeline_check = false'],
  tempauth: ['tempauth', `user_${ACCOUNT}_tester = ${swiftKeys.secretAccessKey} .admin`],
}

export async function startSwift(): Promise<Swift> {
  const folder = await serverFolder('swift')
  const user = await serverUser()
  const as = user.uid === undefined || user.gid === undefined ? {} : { uid: user.uid, gid: user.gid }
  const [account, container, object, proxy] = await Promise.all([freePort(), freePort(), freePort(), freePort()])
  const ports: Record<Kind, number> = { account, container, object }
  for (const name of ['etc', 'devices', 'devices/d1', 'cache']) await mkdir(join(folder, name))
  const etc = join(folder, 'etc')
  const common = (port: number): string => ['[DEFAULT]', 'bind_ip = 127.0.0.1', `bind_port = ${port}`, 'workers = 0', `user = ${user.name}`, `swift_dir = ${etc}`, `devices = ${join(folder, 'devices')}`, 'mount_check = false', 'fallocate_reserve = 0', 'disable_fallocate = true', 'eventlet_debug = false', ''].join('\n')
  await writeFile(join(etc, 'swift.conf'), '[swift-hash]\nswift_hash_path_prefix = tests\nswift_hash_path_suffix = tests\n[storage-policy:0]\nname = one\ndefault = yes\n')
  for (const kind of kinds) await writeFile(join(etc, `${kind}-server.conf`), `${common(ports[kind])}[pipeline:main]\npipeline = ${kind}-server\n[app:${kind}-server]\nuse = egg:swift#${kind}\nrecon_cache_path = ${join(folder, 'cache')}\n`)
  // A proxy that is up before the others must not leave them aside for a minute.
  const sections = Object.entries(filters).map(([name, [egg, ...lines]]) => [`[filter:${name}]`, `use = egg:swift#${egg}`, ...lines].join('\n'))
  await writeFile(join(etc, 'proxy-server.conf'), `${common(proxy)}[pipeline:main]\npipeline = ${PIPELINE}\n[app:proxy-server]\nuse = egg:swift#proxy\nallow_account_management = true\naccount_autocreate = true\nerror_suppression_limit = 1000000\n${sections.join('\n')}\n`)
  if (as.uid !== undefined) await promisify(execFile)('chown', ['-R', `${as.uid}:${as.gid}`, folder])
  const ring = async (kind: Kind, ...args: string[]): Promise<void> => void (await promisify(execFile)('swift-ring-builder', [join(etc, `${kind}.builder`), ...args], { ...as, env: environment, cwd: etc }))
  await Promise.all(kinds.map(async (kind) => {
    await ring(kind, 'create', '1', '1', '0') // two partitions, one replica
    await ring(kind, 'add', '--region', '1', '--zone', '1', '--ip', '127.0.0.1', '--port', String(ports[kind]), '--device', 'd1', '--weight', '1')
    await ring(kind, 'rebalance')
  }))

  let log = ''
  const children: { name: string; child: ChildProcess }[] = [...kinds, 'proxy'].map((name) => {
    const child = spawn(`swift-${name}-server`, [join(etc, `${name}-server.conf`), '--verbose'], { ...as, env: { ...environment, HOME: folder }, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => void (log += chunk.toString()))
    child.on('error', (error) => void (log += `${name}: ${error.message}\n`))
    return { name, child }
  })
  const stop = async (): Promise<void> => {
    await Promise.all(children.map(async ({ child }) => {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
      const exited = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await exited
    }))
    await rm(folder, { recursive: true, force: true })
  }
  const options = (bucket: string): S3Options => ({ endpoint: `http://127.0.0.1:${proxy}`, region: REGION, bucket, pathStyle: true, ...swiftKeys })
  const swift: Swift = {
    port: proxy, options,
    log: () => log,
    async makeBucket(bucket) {
      await s3Client(options(bucket)).send(new CreateBucketCommand({ Bucket: bucket }))
      return options(bucket)
    },
    async limitBucket(bucket, bytes) {
      // Parts of a multipart upload lie in a container of their own.
      for (const one of [bucket, `${bucket}+segments`]) {
        const answers = await Promise.all([0, 1].map((partition) => fetch(`http://127.0.0.1:${container}/d1/${partition}/AUTH_${ACCOUNT}/${encodeURIComponent(one)}`, { method: 'POST', headers: { 'X-Timestamp': (Date.now() / 1000).toFixed(5), 'X-Container-Meta-Quota-Bytes': String(bytes) } })))
        if (one === bucket && !answers.some((answer) => answer.ok)) throw new Error(`The quota was not set: ${answers.map((answer) => answer.status).join(', ')}`)
      }
    },
    [Symbol.asyncDispose]: stop,
  }
  const until = Date.now() + 60_000
  try {
    for (;;) {
      const dead = children.find(({ child }) => child.exitCode !== null)
      if (dead !== undefined) throw new Error(`swift-${dead.name}-server ended: ${log.slice(-4000)}`)
      const isUp = await swift.makeBucket('ready').then(() => true, (error: unknown) => (Date.now() > until ? Promise.reject(new Error(`Swift did not start: ${String(error)}\n${log.slice(-4000)}`)) : false))
      if (isUp) return swift
      await sleep(200)
    }
  } catch (error) {
    await stop()
    throw error
  }
}
