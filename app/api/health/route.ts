/** Whether this web and its catalog answer. */
import { answer } from '#lib/http/composition.ts'

export const dynamic = 'force-dynamic'
export const GET = (request: Request): Promise<Response> => answer('health', request)
