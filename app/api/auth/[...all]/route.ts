/** Signing in and out, answered by lib/http. */
import { answer } from '#lib/http/composition.ts'

export const dynamic = 'force-dynamic'

const door = (request: Request): Promise<Response> => answer('sessions', request)
export { door as DELETE, door as GET, door as PATCH, door as POST, door as PUT }
