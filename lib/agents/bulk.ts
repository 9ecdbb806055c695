/** Bytes to and from a host through `agent bulk`: one channel for a file at a time, from any offset, with a limit on silence. */
import { problem, ProblemError } from '#lib/domain/problem.ts'
import { BulkHeader } from '#lib/protocol/bulk.ts'
import type { BulkRequest, StoreEnd } from '#lib/protocol/bulk.ts'
import { startAgent } from './commands.ts'
import { agentEnded, lastWords } from './session.ts'
import type { AgentPlace } from './session.ts'
import type { Channel, Connection } from './ssh.ts'

type FileHeader = Extract<BulkHeader, { sizeBytes: number }>

export interface Incoming {
  header: FileHeader
  /** Exactly `sizeBytes - offset` bytes; throws the reason when they stop coming. Leaving the loop early closes the channel. */
  body: AsyncGenerator<Buffer>
  close(): void
}

/** An object on its way to a host. */
export interface Storing {
  /** Bytes that the host kept of an earlier try. */
  offset: number
  write(chunk: Uint8Array): Promise<void>
  /** Ends it and waits for the host's word; throws what the host says. */
  end(how: StoreEnd): Promise<void>
  close(): void
}

export interface Bulk {
  receive(request: Extract<BulkRequest, { op: 'get' | 'wal' | 'object' }>): Promise<Incoming>
  store(request: Extract<BulkRequest, { op: 'store' }>): Promise<Storing>
  /** `bytesFrom` gives the bytes from the offset that the host has already. Returns when the host confirmed the digest. */
  send(request: Extract<BulkRequest, { op: 'put' }>, bytesFrom: (offset: number) => Promise<AsyncIterable<Uint8Array>>): Promise<void>
}

const MAX_HEADER_BYTES = 1 << 16

function headerOf(text: string): BulkHeader {
  try {
    return BulkHeader.parse(JSON.parse(text))
  } catch (cause) {
    throw problem('agent-failed', 'The agent said something that is not of its protocol', { detail: text.slice(0, 500), cause })
  }
}

/** Lines and raw bytes of one stream, in turns; every wait ends at the limit that was set last. */
function reader(channel: Channel, failure: () => Promise<Error>) {
  let silenceMs = 0
  const chunks = channel.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let rest: Buffer = Buffer.alloc(0)
  async function more(): Promise<Buffer | null> {
    let timer: NodeJS.Timeout | undefined
    const silence = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(problem('no-data', `The host sent nothing for ${Math.round(silenceMs / 1000)} s`)), silenceMs)
    })
    try {
      const next = await Promise.race([chunks.next(), silence])
      return next.done ? null : next.value
    } catch (error) {
      if (error instanceof ProblemError) throw error
      throw await failure()
    } finally {
      clearTimeout(timer)
    }
  }
  return {
    limit(ms: number): void {
      silenceMs = ms
    },
    async line(): Promise<BulkHeader> {
      for (;;) {
        const end = rest.indexOf(10)
        if (end !== -1) {
          const text = rest.toString('utf8', 0, end)
          rest = rest.subarray(end + 1)
          const header = headerOf(text)
          if ('problem' in header) throw new ProblemError(header.problem)
          return header
        }
        if (rest.length > MAX_HEADER_BYTES) throw problem('agent-failed', 'The agent sent no header line')
        const chunk = await more()
        if (chunk === null) throw await failure()
        rest = Buffer.concat([rest, chunk])
      }
    },
    async *bytes(count: number): AsyncGenerator<Buffer> {
      for (let left = count; left > 0;) {
        const chunk = rest.length > 0 ? rest : await more()
        if (chunk === null) throw await failure()
        const piece = chunk.subarray(0, left)
        rest = Buffer.from(chunk.subarray(left))
        left -= piece.length
        yield piece
      }
    },
  }
}

/** A channel with the program at its end: starting one costs the host more than a small file does. */
interface Opened {
  channel: Channel
  read: ReturnType<typeof reader>
  failure: () => Promise<Error>
  /** It has moved a file already, and waited for the next. */
  hasWaited: boolean
  /** It ended without a word on what it was asked. */
  hasFailed: boolean
}

/** One that nobody needs for so long ends, and with it the program on the host. */
const WAIT_MS = 3_000

/** The channels of one connection to the agent; `silenceMs` is how long a transfer may move nothing. */
export function bulkOn(connection: Connection, place: AgentPlace): (silenceMs: number) => Bulk {
  const waiting: { opened: Opened; timer: NodeJS.Timeout }[] = []

  async function open(): Promise<Opened> {
    const channel = await connection.open(startAgent(place.runAs, { ...place, door: 'bulk' }))
    const words = lastWords(channel)
    const failure = async (): Promise<Error> => {
      opened.hasFailed = true
      const exit = await Promise.race([channel.exited, connection.closed.then(() => ({ code: null, signal: null }))])
      return connection.isOpen ? agentEnded(exit, words(), place) : connection.closed
    }
    const opened: Opened = { channel, read: reader(channel, failure), failure, hasWaited: false, hasFailed: false }
    return opened
  }
  function take(): Opened | undefined {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      clearTimeout(next.timer)
      if (next.opened.channel.stdin.writable) return next.opened
    }
    return undefined
  }
  /** For the next file; no more wait than were used at the same time, which the pool limits. */
  function giveBack(opened: Opened): void {
    opened.hasWaited = true
    const timer = setTimeout(() => {
      waiting.splice(waiting.findIndex((one) => one.opened === opened), 1)
      opened.channel.close()
    }, WAIT_MS)
    timer.unref()
    waiting.push({ opened, timer })
  }
  /** Asks, and hears the first line of the answer. One that ended while it waited has not begun: another one is asked. */
  async function ask(request: BulkRequest, silenceMs: number): Promise<Opened & { header: BulkHeader }> {
    for (;;) {
      const opened = take() ?? (await open())
      opened.read.limit(silenceMs)
      try {
        opened.channel.stdin.write(`${JSON.stringify(request)}\n`)
        return Object.assign(opened, { header: await opened.read.line() })
      } catch (error) {
        opened.channel.close()
        if (!opened.hasWaited || !opened.hasFailed || !connection.isOpen) throw error
      }
    }
  }

  return (silenceMs) => ({
    async receive(request) {
      const opened = await ask(request, silenceMs)
      const { channel, read, header } = opened
      if (!('sizeBytes' in header)) {
        channel.close()
        throw problem('agent-failed', 'The agent sent no size of the file')
      }
      let isOurs = true
      const close = (): void => {
        if (isOurs) channel.close()
        isOurs = false
      }
      const body = async function* (): AsyncGenerator<Buffer> {
        try {
          yield* read.bytes(header.sizeBytes - header.offset)
          if (isOurs && request.op !== 'object') {
            isOurs = false
            giveBack(opened)
          }
        } finally {
          close()
        }
      }
      return { header, body: body(), close }
    },

    async store(request) {
      const { channel, read, failure, header } = await ask(request, silenceMs)
      try {
        if (!('offset' in header)) throw problem('agent-failed', 'The agent did not say what it has of the object')
        // What the host refuses it says in a line before it goes.
        const refused = async (): Promise<never> => {
          await read.line()
          throw await failure()
        }
        const send = async (bytes: Uint8Array): Promise<void> => {
          if (channel.stdin.destroyed || !channel.stdin.writable) await refused()
          if (!channel.stdin.write(bytes)) await drained(channel, silenceMs)
        }
        const length = (bytes: number): Buffer => {
          const head = Buffer.alloc(4)
          head.writeUInt32BE(bytes)
          return head
        }
        return {
          offset: header.offset,
          async write(chunk) {
            if (chunk.length === 0) return // a frame of length 0 is the end
            await send(length(chunk.length))
            await send(chunk)
          },
          async end(how) {
            await send(Buffer.concat([length(0), Buffer.from(`${JSON.stringify(how)}\n`)]))
            const answer = await read.line()
            channel.close()
            if (!('done' in answer)) throw problem('agent-failed', 'The agent did not confirm the object')
          },
          close: () => channel.close(),
        }
      } catch (error) {
        channel.close()
        throw error
      }
    },

    async send(request, bytesFrom) {
      const opened = await ask(request, silenceMs)
      const { channel, read, failure, header } = opened
      let isWhole = false
      try {
        if (!('offset' in header)) throw problem('agent-failed', 'The agent did not say what it has of the file')
        for await (const chunk of await bytesFrom(header.offset)) {
          if (channel.stdin.destroyed || !channel.stdin.writable) throw await failure()
          if (!channel.stdin.write(chunk)) await drained(channel, silenceMs)
        }
        const answer = await read.line()
        if (!('done' in answer)) throw problem('agent-failed', 'The agent did not confirm the file')
        if (answer.sha256 !== request.sha256) throw problem('storage-corrupt', `What arrived of ${request.name} is not what was sent`, { detail: `Expected sha256 ${request.sha256}, the host has ${answer.sha256}.` })
        isWhole = true
      } finally {
        if (isWhole) giveBack(opened)
        else channel.close()
      }
    },
  })
}

/** Waits until the host takes more, or says why it does not. */
function drained(channel: Channel, silenceMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error): void => {
      clearTimeout(timer)
      channel.stdin.removeListener('drain', onDrain).removeListener('close', onClose)
      if (error) reject(error)
      else resolve()
    }
    const onDrain = (): void => done()
    const onClose = (): void => done() // the next write or read finds out why
    const timer = setTimeout(() => done(problem('no-data', `The host took nothing for ${Math.round(silenceMs / 1000)} s`)), silenceMs)
    channel.stdin.once('drain', onDrain).once('close', onClose)
  })
}
