// Files of a run's spool sent to an S3 server and fetched from one, by URLs that the console signed: no key ever comes to this host.
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import type { IncomingMessage, RequestOptions } from 'node:http'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { problem, ProblemError } from '#lib/domain/problem.ts'
import type { Params, Result } from '#lib/protocol/methods.ts'
import { usedMark } from './folder.ts'
import { readState } from './run-state.ts'
import { isFound, sizeIfThere } from './inspect.ts'
import { errorText, hasCode, pathProblem } from './system-problem.ts'

const SILENCE_MS = 30_000
/** Waits between the tries of one part or of a download, without a byte in between. */
const WAITS_MS = [500, 1000, 2000, 4000, 8000]
const CHUNK_BYTES = 1 << 18
const MAX_ANSWER_BYTES = 1 << 14

interface Sent { status: number; etag: string | undefined; text: string }
type Options = RequestOptions & { ca?: string }

function call(url: string, options: Options, onAnswer: (answer: IncomingMessage) => void, onError: (error: Error) => void) {
  // Got when it is needed: every process and thread of the agent would load them first.
  const { request: begin } = process.getBuiltinModule(url.startsWith('https:') ? 'node:https' : 'node:http')
  const request = begin(url, { timeout: SILENCE_MS, agent: false, ...options }, onAnswer)
  request.on('timeout', () => request.destroy(new Error(`No byte moved for ${SILENCE_MS / 1000} s`)))
  request.on('error', onError)
  return request
}

const trusting = (caPem: string | null): { ca?: string } => (caPem === null ? {} : { ca: caPem })

/** One PUT of a stretch of a file; rejects when the connection fails. */
function put(path: string, { begin, end, url }: { begin: number; end: number; url: string }, { md5, caPem }: { md5: Buffer; caPem: string | null }): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const request = call(url, { method: 'PUT', headers: { 'Content-Length': end - begin, 'Content-MD5': md5.toString('base64'), 'Content-Type': 'application/octet-stream' }, ...trusting(caPem) }, (answer) => {
      let text = ''
      answer.on('data', (chunk: Buffer) => (text = (text + chunk.toString('utf8')).slice(0, MAX_ANSWER_BYTES)))
      answer.on('error', reject)
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, etag: answer.headers.etag, text }))
    }, reject)
    if (begin === end) request.end()
    else pipeline(createReadStream(path, { start: begin, end: end - 1, highWaterMark: CHUNK_BYTES }), request).catch(reject)
  })
}

const place = (url: string): string => new URL(url).host
const refused = (url: string, { status, text }: { status: number; text: string }): ProblemError =>
  problem('storage-unavailable', `The S3 server at ${place(url)} refused what this host sent`, { detail: `HTTP ${status} ${/<Code>([^<]*)/.exec(text)?.[1] ?? ''} ${/<Message>([^<]*)/.exec(text)?.[1] ?? ''}`.trim(), hint: 'The console tries it by itself.' })
const unreachable = (url: string, error: unknown): ProblemError =>
  problem('storage-unavailable', `This host cannot reach the S3 server at ${place(url)}`, { detail: errorText(error), hint: 'Let the host reach it (name service, firewall, CA certificate of the device) to spare the console the way.' })

/** Tries again after what may pass: a cut connection, an answer of the 500s. `hasMoved` says whether a byte came since the last try. */
async function persistently<T>(url: string, work: () => Promise<T>, hasMoved: () => Promise<boolean>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (error instanceof ProblemError) throw error
      if (await hasMoved()) tries = 0
      const wait = WAITS_MS[tries]
      if (wait === undefined) throw unreachable(url, error)
      await sleep(wait)
    }
  }
}

/** The digest of the whole file, and the MD5 of each stretch of it, in one reading. */
async function digestsOf(path: string, parts: readonly { begin: number; end: number }[]): Promise<{ sha256: string; md5s: Buffer[] }> {
  const whole = createHash('sha256')
  const md5s: Buffer[] = []
  let at = 0
  let one = createHash('md5')
  const close = (): void => {
    while (md5s.length < parts.length && at === parts[md5s.length]?.end) {
      md5s.push(one.digest())
      one = createHash('md5')
    }
  }
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    let rest = chunk as Buffer
    whole.update(rest)
    while (rest.length > 0) {
      const piece = rest.subarray(0, (parts[md5s.length]?.end ?? Infinity) - at)
      if (piece.length === 0) break
      one.update(piece)
      at += piece.length
      rest = rest.subarray(piece.length)
      close()
    }
  }
  close()
  return { sha256: whole.digest('hex'), md5s }
}

export async function sendFromSpool({ runId, name, sizeBytes, sha256, parts, caPem }: Params<'spool.send'>): Promise<Result<'spool.send'>> {
  const { spool } = await readState(runId)
  const path = join(spool, name)
  const found = await digestsOf(path, parts).catch((error: unknown) => {
    throw hasCode(error, 'ENOENT') ? problem('not-found', `The spool holds no ${name}`, { hint: 'It was confirmed already, or the run was released.' }) : error
  })
  if (found.sha256 !== sha256 || parts.at(-1)?.end !== sizeBytes || found.md5s.length !== parts.length) throw problem('storage-corrupt', `${name} in the spool is not what was written`, { detail: `Written with sha256 ${sha256}, now ${found.sha256}.`, hint: 'Look at the memory and the disk of the host, then start the backup again.' })
  const etags: string[] = []
  for (const [index, part] of parts.entries()) {
    const md5 = found.md5s[index] ?? Buffer.alloc(0)
    if (part.etag?.replaceAll('"', '') === md5.toString('hex')) {
      etags.push(part.etag)
      continue
    }
    const sent = await persistently(part.url, async () => {
      const answer = await put(path, part, { md5, caPem })
      if (answer.status >= 500 && answer.status !== 507) throw new Error(`HTTP ${answer.status}`)
      return answer
    }, () => Promise.resolve(false))
    if (sent.status !== 200 || sent.etag === undefined) throw refused(part.url, sent)
    etags.push(sent.etag)
  }
  return { etags }
}

/** Goes on at the end of what is there. */
async function download(url: string, partial: string, { sizeBytes, caPem }: { sizeBytes: number; caPem: string | null }): Promise<void> {
  const begin = (await sizeIfThere(partial)) ?? 0
  if (begin >= sizeBytes) return
  const answer = await new Promise<IncomingMessage>((resolve, reject) => call(url, { method: 'GET', headers: begin === 0 ? {} : { Range: `bytes=${begin}-` }, ...trusting(caPem) }, resolve, reject).end())
  if (answer.statusCode !== (begin === 0 ? 200 : 206)) {
    answer.destroy()
    if ((answer.statusCode ?? 0) >= 500) throw new Error(`HTTP ${answer.statusCode}`)
    throw refused(url, { status: answer.statusCode ?? 0, text: '' })
  }
  await pipeline(answer, createWriteStream(partial, { flags: 'a', mode: 0o600 })).catch((error: unknown) => {
    throw hasCode(error, 'ENOSPC', 'EDQUOT', 'EACCES', 'EROFS') ? pathProblem('write-failed', partial, error) : error
  })
  if (((await sizeIfThere(partial)) ?? 0) < sizeBytes) throw new Error('The connection ended too early')
}

export async function fetchToSpool({ runId, name, sizeBytes, sha256, url, caPem }: Params<'spool.fetch'>): Promise<Result<'spool.fetch'>> {
  const { spool } = await readState(runId)
  const path = join(spool, name)
  if ((await isFound(path)) || (await isFound(usedMark(spool, name)))) return {}
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const partial = `${path}.part`
  let last = (await sizeIfThere(partial)) ?? 0
  const hasMoved = async (): Promise<boolean> => {
    const [before, now] = [last, (await sizeIfThere(partial)) ?? 0]
    last = now
    return now > before
  }
  await persistently(url, () => download(url, partial, { sizeBytes, caPem }), hasMoved)
  const { sha256: found } = await digestsOf(partial, [])
  if (found !== sha256) {
    await rm(partial, { force: true })
    throw problem('storage-corrupt', `What arrived of ${name} is not what was stored`, { detail: `Expected sha256 ${sha256}, received ${found}.`, hint: 'Verify the image; choose another one.' })
  }
  await rename(partial, path)
  return {}
}
