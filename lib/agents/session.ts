/** Typed calls to `agent serve` on one host: requests out, answers in any order, each with a deadline. */
import { problem, ProblemError } from '#lib/domain/problem.ts'
import { methods, Response, VERSION } from '#lib/protocol/methods.ts'
import type { Method, Params, Result } from '#lib/protocol/methods.ts'
import { lineDecoder } from '#lib/protocol/lines.ts'
import { exits, startAgent } from './commands.ts'
import { runAsProblem } from './deploy.ts'
import type { Channel, Connection, Exit } from './ssh.ts'

export interface AgentPlace { path: string; sha256: string; runtime: string; runAs: string | null; signedInAs: string; stateDirectory?: string | null }

export interface Session {
  readonly isOpen: boolean
  /** Throws what the agent throws; timed-out at the deadline; agent-failed or host-unreachable when it went away. */
  call<M extends Method>(method: M, params: Params<M>, options?: { deadlineMs?: number }): Promise<Result<M>>
  close(): void
}

const CALL_DEADLINE_MS = 30_000
const HELLO_DEADLINE_MS = 20_000
/** An answer may list a hundred thousand archived files. */
const MAX_LINE_BYTES = 64 << 20

/** Why an agent's program ended, by its exit code and its last words. */
export function agentEnded(exit: Exit, stderr: string, place: AgentPlace): ProblemError {
  if (exit.code === exits.tampered) return problem('agent-version-mismatch', 'The agent on the host is not the one that was deployed', { detail: `${place.path} does not have the sha256 ${place.sha256}. It was not started.`, hint: 'Find out who changed it, then deploy the agent again in Admin ▸ Hosts.' })
  if (exit.code === exits.missing) return problem('agent-missing', 'The agent is not on the host', { detail: `${place.path} or ${place.runtime} is gone.` })
  if (place.runAs !== null && /^sudo:/m.test(stderr)) return runAsProblem(place.runAs, place.signedInAs, stderr)
  const how = exit.signal !== null ? `by signal ${exit.signal}` : exit.code === null ? 'with the connection' : `with exit code ${exit.code}`
  return problem('agent-failed', `The agent ended ${how}`, { detail: stderr.trim().slice(-2000) || 'It said nothing.' })
}

/** Keeps the last few kilobytes of what a channel says on stderr. */
export function lastWords(channel: Channel): () => string {
  let text = ''
  channel.stderr.on('data', (chunk: Buffer) => (text = (text + chunk.toString('utf8')).slice(-8192)))
  return () => text
}

/** Starts `agent serve` (its file's digest is checked first) and greets it. */
export async function openSession(connection: Connection, place: AgentPlace): Promise<{ session: Session; hello: Result<'agent.hello'> }> {
  const channel = await connection.open(startAgent(place.runAs, { ...place, door: 'serve' }))
  const words = lastWords(channel)
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  const decode = lineDecoder(MAX_LINE_BYTES)
  let lastId = 0
  let ended: ProblemError | undefined

  const end = (reason: ProblemError): void => {
    ended ??= reason
    for (const { reject } of waiting.values()) reject(ended)
    waiting.clear()
  }
  const answer = (line: string): void => {
    const said = Response.parse(JSON.parse(line))
    const call = waiting.get(said.id)
    if (!call) return // it came after its deadline
    waiting.delete(said.id)
    if ('problem' in said) call.reject(new ProblemError(said.problem))
    else call.resolve(said.result)
  }
  channel.stdout.on('data', (chunk: Buffer) => {
    try {
      for (const line of decode(chunk)) answer(line)
    } catch (cause) {
      end(problem('agent-failed', 'The agent said something that is not of its protocol', { detail: cause instanceof Error ? cause.message.slice(0, 500) : String(cause), cause }))
      channel.close()
    }
  })
  void channel.exited.then(async exit => end(connection.isOpen ? agentEnded(exit, words(), place) : await connection.closed))

  const session: Session = {
    get isOpen() {
      return ended === undefined && connection.isOpen
    },
    async call<M extends Method>(method: M, params: Params<M>, { deadlineMs = CALL_DEADLINE_MS }: { deadlineMs?: number } = {}): Promise<Result<M>> {
      if (ended) throw ended
      const id = ++lastId
      let timer: NodeJS.Timeout | undefined
      try {
        const result = await new Promise<unknown>((resolve, reject) => {
          waiting.set(id, { resolve, reject })
          timer = setTimeout(() => reject(problem('timed-out', `The agent did not answer ${method} within ${deadlineMs / 1000} s`)), deadlineMs)
          channel.stdin.write(`${JSON.stringify({ id, method, params })}\n`)
        })
        const parsed = methods[method].result.safeParse(result)
        if (!parsed.success) throw problem('agent-version-mismatch', `The agent answered ${method} in a form this console does not know`, { detail: parsed.error.message.slice(0, 1000) })
        return parsed.data as Result<M>
      } finally {
        clearTimeout(timer)
        waiting.delete(id)
      }
    },
    close: () => channel.close(),
  }

  try {
    const hello = await session.call('agent.hello', {}, { deadlineMs: HELLO_DEADLINE_MS })
    if (hello.protocol !== VERSION) throw problem('agent-version-mismatch', `The agent speaks protocol ${hello.protocol}, the console ${VERSION}`)
    return { session, hello }
  } catch (error) {
    channel.close()
    throw error
  }
}
