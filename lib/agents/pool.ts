/** One connection and one agent session a host, shared by all who work there and made anew when it broke. */
import { problem } from '#lib/domain/problem.ts'
import type { Result } from '#lib/protocol/methods.ts'
import { bulkOn } from './bulk.ts'
import type { Bulk } from './bulk.ts'
import { openSession } from './session.ts'
import type { AgentPlace, Session } from './session.ts'
import { connect } from './ssh.ts'
import type { Connection, SshAccess } from './ssh.ts'

export interface HostAccess { ssh: SshAccess; agent: AgentPlace }

export interface Agent extends Session {
  hello: Result<'agent.hello'>
  /** `silenceMs`: how long a transfer may move nothing. */
  bulk(silenceMs: number): Bulk
}

export interface AgentPool extends AsyncDisposable {
  /** The agent of a host, greeted. Throws as connect and openSession do. */
  agent(hostId: string): Promise<Agent>
  /** Closes what is open to this host; the next `agent` connects anew. */
  drop(hostId: string): void
}

/** sshd allows 10 sessions a connection (MaxSessions); one is the session's. */
const BULK_CHANNELS = 6
/** Channels for objects of a storage device on that host: of their own, since whoever holds one may be waiting for one of the others. */
const STORE_CHANNELS = 3
/** Two that wait for each other across hosts end here, and one of them tries again. */
const STORE_PATIENCE_MS = 60_000

/** Lets `count` pieces of work go on at a time. */
function gate(count: number, patienceMs = Infinity) {
  const queue: (() => void)[] = []
  let free = count
  return async (): Promise<() => void> => {
    if (free > 0) free--
    else await new Promise<void>((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined
      const enter = (): void => {
        clearTimeout(timer)
        resolve()
      }
      queue.push(enter)
      if (patienceMs === Infinity) return
      timer = setTimeout(() => {
        queue.splice(queue.indexOf(enter), 1)
        reject(problem('timed-out', `All channels to the host were busy for ${patienceMs / 1000} s`))
      }, patienceMs)
    })
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      const next = queue.shift()
      if (next) next()
      else free++
    }
  }
}

interface Line { key: string; opened: Promise<{ connection: Connection; agent: Agent }> }

/** `findAccess` is asked each time, so that a changed address, key or agent takes effect at once. */
export function createPool(findAccess: (hostId: string) => Promise<HostAccess>): AgentPool {
  const lines = new Map<string, Line>()

  async function open(access: HostAccess): Promise<{ connection: Connection; agent: Agent }> {
    const connection = await connect(access.ssh)
    try {
      const { session, hello } = await openSession(connection, access.agent)
      const enter = gate(BULK_CHANNELS)
      const enterStore = gate(STORE_CHANNELS, STORE_PATIENCE_MS)
      const bulkWithin = bulkOn(connection, access.agent)
      const bulk = (silenceMs: number): Bulk => {
        const raw = bulkWithin(silenceMs)
        return {
          async receive(request) {
            const leave = await (request.op === 'object' ? enterStore() : enter())
            try {
              const incoming = await raw.receive(request)
              const body = async function* (): AsyncGenerator<Buffer> {
                try {
                  yield* incoming.body
                } finally {
                  leave()
                }
              }
              const close = (): void => {
                incoming.close()
                leave()
              }
              return { header: incoming.header, body: body(), close }
            } catch (error) {
              leave()
              throw error
            }
          },
          async store(request) {
            const leave = await enterStore()
            try {
              const storing = await raw.store(request)
              return {
                offset: storing.offset,
                write: chunk => storing.write(chunk),
                async end(how) {
                  try {
                    await storing.end(how)
                  } finally {
                    leave()
                  }
                },
                close() {
                  storing.close()
                  leave()
                },
              }
            } catch (error) {
              leave()
              throw error
            }
          },
          async send(request, source) {
            const leave = await enter()
            try {
              await raw.send(request, source)
            } finally {
              leave()
            }
          },
        }
      }
      const agent: Agent = {
        hello, bulk,
        get isOpen() {
          return session.isOpen
        },
        call: (method, params, options) => session.call(method, params, options),
        close: () => connection.close(),
      }
      return { connection, agent }
    } catch (error) {
      connection.close()
      throw error
    }
  }

  function drop(hostId: string): void {
    const line = lines.get(hostId)
    lines.delete(hostId)
    line?.opened.then(({ connection }) => connection.close(), () => undefined) // it never opened: nothing to close
  }

  return {
    async agent(hostId) {
      const access = await findAccess(hostId)
      const key = JSON.stringify(access)
      const line = lines.get(hostId)
      if (line?.key === key) {
        const open = await line.opened
        if (open.agent.isOpen) return open.agent
      }
      if (lines.get(hostId) === line) drop(hostId)
      const newer = lines.get(hostId)
      if (newer) return (await newer.opened).agent
      const opened = open(access)
      lines.set(hostId, { key, opened })
      try {
        return (await opened).agent
      } catch (error) {
        if (lines.get(hostId)?.opened === opened) lines.delete(hostId)
        throw error
      }
    },
    drop,
    [Symbol.asyncDispose]: async () => {
      const opened = [...lines.values()]
      for (const hostId of lines.keys()) drop(hostId)
      await Promise.allSettled(opened.map(line => line.opened))
    },
  }
}
