/** The API door: from a request under /api/v1 to its response. Nothing that is thrown behind it gets out as anything but a Problem. */
import { OpenAPIHandler } from '@orpc/openapi/fetch'
import { problem } from '#lib/domain/problem.ts'
import { bounded } from './body.ts'
import type { Web } from './composition.ts'
import { openApiDocument } from './openapi.ts'
import { apiHeaders, problemResponse, requestProblem } from './problems.ts'
import { asOrpcError, router, type CallContext } from './router.ts'
import { refuseCrossSite } from './same-origin.ts'
import { callerOf } from './session.ts'

const PREFIX = '/api/v1'

/** One handler a web: its errors are written to that web's log. */
export function createApi(web: Web): (request: Request) => Promise<Response> {
  const handler = new OpenAPIHandler<CallContext>(router, {
    clientInterceptors: [
      async (call) => {
        try {
          return await call.next()
        } catch (error) {
          throw asOrpcError(error)
        }
      },
    ],
    customErrorResponseBodyEncoder: (error) => requestProblem(error, web.log, {}),
  })

  const answer = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url)
    if (pathname === `${PREFIX}/openapi.json`) return Response.json(await openApiDocument(web.console.version), { headers: apiHeaders })
    const { actor, by } = await callerOf(web, request)
    if (by !== 'token') refuseCrossSite(request, { url: web.url, needsProof: by === 'cookie' })
    const { matched, response } = await handler.handle(await bounded(request), { prefix: PREFIX, context: { console: web.console, actor } })
    if (!matched) throw problem('not-found', `There is no operation ${request.method} ${pathname}`, { hint: `See ${PREFIX}/openapi.json for all of them.` })
    return response
  }

  return async (request) => {
    try {
      return withHeaders(await answer(request))
    } catch (error) {
      return problemResponse(requestProblem(error, web.log, { method: request.method, path: new URL(request.url).pathname }))
    }
  }
}

/** oRPC writes a Problem as plain JSON: its type is put right here, with the headers of every answer. */
function withHeaders(response: Response): Response {
  const headers = new Headers(response.headers)
  for (const [name, value] of Object.entries(apiHeaders)) headers.set(name, value)
  if (response.status >= 400) headers.set('content-type', 'application/problem+json')
  return new Response(response.body, { status: response.status, headers })
}
