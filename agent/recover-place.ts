// Where `recover` reads from, and with what it opens what is encrypted: a directory or a bucket, key files, files with the keys of a bucket.
import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import { CONSOLE_FILE } from '#lib/image/layout.ts'
import { diskStorage } from '#lib/storage/disk.ts'
import { s3Reader } from '#lib/storage/s3-read.ts'
import type { ReadableStorage } from '#lib/storage/storage.ts'
import type { WalKey } from '#lib/stored/stored-wal.ts'
import { bucketEnvironment } from './environment.ts'
import { pathOf, type PlaceOptions } from './recover-options.ts'
import { hasCode, pathProblem } from './system-problem.ts'
import { agentFile } from './version.ts'

export interface Place {
  storage: ReadableStorage
  /** Directory of the files, where they lie on this machine. */
  root: string | null
  /** As a person names it, and as `--from` takes it. */
  name: string
}

const KEY_LINE = /^AGE-SECRET-KEY-1[0-9A-Z]+$/i

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    throw hasCode(error, 'ENOENT') ? problem('not-found', `There is no file ${path}`, { hint: 'Write the whole path of it.' }) : pathProblem('read-failed', path, error)
  })
}

/** Identities of age key files, or of printed kits: every line that is one. */
export async function readKeys(files: readonly string[]): Promise<WalKey[]> {
  const found = new Set<string>()
  for (const file of files) {
    const lines = (await textOf(pathOf(file))).split(/\s+/).filter((line) => KEY_LINE.test(line))
    if (lines.length === 0) throw problem('key-missing', `${file} holds no key`, { hint: 'It must hold a line that begins with AGE-SECRET-KEY-1, as age-keygen writes it and the printed kit shows it.' })
    for (const line of lines) found.add(line.toUpperCase())
  }
  return [...found].map((identity, index) => ({ id: `key ${index + 1}`, identity }))
}

/** The storage that a bundle in `<storage>/kit/` belongs to. */
export function ownStorage(): string | null {
  const root = dirname(dirname(agentFile()))
  return existsSync(join(root, CONSOLE_FILE)) ? root : null
}

/** Lines `name = value`, as in ~/.aws/credentials. */
async function credentialsIn(file: string): Promise<{ accessKeyId: string | undefined; secretAccessKey: string | undefined; sessionToken: string | undefined }> {
  const path = pathOf(file)
  const text = await textOf(path)
  const { mode } = await stat(path)
  if ((mode & 0o077) !== 0) throw problem('read-failed', `Others may read ${path}, which holds a secret key`, { hint: `Run: chmod 600 ${path}` })
  const values = new Map([...text.matchAll(/^\s*(\w+)\s*=\s*(\S+)\s*$/gm)].map(([, name = '', value = '']) => [name.toLowerCase(), value]))
  return { accessKeyId: values.get('aws_access_key_id'), secretAccessKey: values.get('aws_secret_access_key'), sessionToken: values.get('aws_session_token') }
}

async function bucketPlace(from: string, options: PlaceOptions): Promise<Place> {
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(from) ?? []
  if (bucket === undefined) throw problem('invalid-input', `"${from}" names no bucket`, { hint: 'Write s3://BUCKET or s3://BUCKET/PREFIX.' })
  const environment = bucketEnvironment()
  const { accessKeyId, secretAccessKey, sessionToken } = options.credentialsFile === null ? environment : await credentialsIn(options.credentialsFile)
  if (accessKeyId === undefined || secretAccessKey === undefined) throw problem('invalid-input', `The keys of the bucket ${bucket} are missing`, { hint: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or name a file with aws_access_key_id and aws_secret_access_key by --credentials.' })
  const region = options.region ?? environment.region ?? 'us-east-1'
  const endpoint = options.endpoint ?? environment.endpoint ?? `https://s3.${region}.amazonaws.com`
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint)) throw problem('invalid-input', `"${endpoint}" is no endpoint`, { hint: 'Write it with its protocol: --endpoint https://s3.example.org' })
  const caPem = options.caFile === null ? null : await textOf(pathOf(options.caFile))
  const storage = s3Reader({ endpoint, region, bucket, prefix, accessKeyId, secretAccessKey, sessionToken, pathStyle: !options.isVirtualHost, caPem })
  return { storage, root: null, name: from }
}

/** Throws when the place is not there, or holds no backups. */
export async function openPlace(options: PlaceOptions): Promise<Place> {
  const from = options.from ?? ownStorage()
  if (from === null) throw problem('invalid-input', 'Where the backups lie is not said', { hint: `Name the directory that holds ${CONSOLE_FILE}, or a bucket: --from /vault or --from s3://BUCKET/PREFIX` })
  const root = from.startsWith('s3://') ? null : pathOf(from)
  const place: Place = root === null ? await bucketPlace(from, options) : { storage: diskStorage({ root }), root, name: root }
  if ((await place.storage.stat(CONSOLE_FILE)) === null && (await place.storage.list('sets/')).length === 0) throw problem('storage-unavailable', `${place.name} holds no backups of Howdah`, { detail: `There is no ${CONSOLE_FILE} in it.`, hint: root === null ? 'Look at bucket and prefix.' : 'Look whether the device is mounted, and that this is its top directory.' })
  return place
}
