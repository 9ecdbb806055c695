/** The body of a request, read up to a limit and only as JSON: other types can be sent by forms of foreign pages. */
import { problem } from '#lib/domain/problem.ts'

/** A week grid, a private key or a long list of sources is far smaller. */
export const MOST_BYTES = 1024 * 1024

const tooLarge = () => problem('invalid-input', 'The body of the request is too large', { detail: `More than ${MOST_BYTES / 1024} KiB.`, hint: 'Send less; no operation of the API needs this much.' })

export async function readBody(request: Request): Promise<Uint8Array<ArrayBuffer> | null> {
  if (request.body === null) return null
  const length = Number(request.headers.get('content-length') ?? '0')
  if (length > MOST_BYTES) throw tooLarge()
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    size += chunk.length
    if (size > MOST_BYTES) throw tooLarge()
    chunks.push(chunk)
  }
  if (size === 0) return null
  const type = request.headers.get('content-type') ?? ''
  if (!/^application\/json\s*(;|$)/i.test(type)) throw problem('invalid-input', 'The body of the request is not JSON', { detail: `Its content-type is ${type === '' ? 'missing' : type}.`, hint: 'Send application/json.' })
  return new Uint8Array(Buffer.concat(chunks))
}

/** The same request with its body in hand. */
export async function bounded(request: Request): Promise<Request> {
  const body = await readBody(request)
  return new Request(request.url, { method: request.method, headers: request.headers, signal: request.signal, ...(body === null ? {} : { body }) })
}
