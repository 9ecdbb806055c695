/** Is this web alive, and does its catalog answer: for supervisors and load balancers. */
import { toProblem } from '#lib/domain/problem.ts'
import type { Web } from './composition.ts'
import { apiHeaders, problemResponse } from './problems.ts'

export async function answerHealth({ console }: Web): Promise<Response> {
  try {
    await console.db.users.countUsers()
    return Response.json({ status: 'ok', version: console.version }, { headers: apiHeaders })
  } catch (error) {
    const told = toProblem(error)
    return problemResponse(told.code === 'console-unavailable' ? told : { ...told, code: 'console-unavailable' })
  }
}
