/** The way to the API: calls go out as the contract's routes say, and every failure comes back as a ProblemError. */
import { createORPCClient } from '@orpc/client'
import type { ContractRouterClient } from '@orpc/contract'
import { OpenAPILink } from '@orpc/openapi-client/fetch'
import { contract, type Contract } from '#lib/contract/contract.ts'
import { idleHeader } from '#lib/contract/operation.ts'
import { ProblemError, problem } from '#lib/domain/problem.ts'
import { Problem } from '#lib/domain/problem-shape.ts'

export type ApiClient = ContractRouterClient<Contract>

export interface LinkOptions {
  /** Address of the console without a path, such as https://howdah.example.com. */
  address: () => string
  /** API token; a browser sends its session cookie instead. */
  token?: string
  /** Seconds since the person last touched the page: what a page reads by itself does not keep a session alive. */
  idleSeconds?: () => number
}

export function createClient({ address, token, idleSeconds }: LinkOptions): ApiClient {
  return createORPCClient(
    new OpenAPILink(contract, {
      url: () => `${address()}/api/v1`,
      headers: () => ({
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(idleSeconds === undefined ? {} : { [idleHeader]: String(idleSeconds()) }),
      }),
      fetch: fetchOrProblem,
    }),
  )
}

/** Answers only responses that are good; all else is thrown as a ProblemError. An aborted request stays an AbortError. */
export async function fetchOrProblem(request: Request, init?: RequestInit): Promise<Response> {
  let response: Response
  try {
    response = await fetch(request, init)
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw problem('console-unavailable', 'The console does not answer', { detail: `No answer from ${new URL(request.url).origin}.`, cause: error })
  }
  if (response.ok) return response
  throw new ProblemError(readProblem(await response.text()) ?? foreignAnswer(response.status))
}

function readProblem(body: string): Problem | undefined {
  try {
    return Problem.safeParse(JSON.parse(body)).data
  } catch {
    return undefined // not JSON: a proxy or a crashed server answered, which `foreignAnswer` says
  }
}

const foreignAnswer = (status: number): Problem => ({
  code: 'console-unavailable',
  message: 'The console did not answer as expected',
  detail: `HTTP status ${status} without a description, perhaps from a proxy between here and the console.`,
})
