/** Who is signed in, and signing in and out. */
import { useMutation, useQuery, useQueryClient, type UseMutationResult } from '@tanstack/react-query'
import type { User } from '#lib/contract/shapes.ts'
import { may, type Permission } from '#lib/domain/role.ts'
import { api, type Outputs } from './api.ts'
import { fetchOrProblem } from './link.ts'

export type SessionStatus = Outputs['session']['status']

export interface Session {
  /** Undefined until the first answer came. */
  status: SessionStatus | undefined
  user: User | null
  /** True for what the role allows; pass `owns` for what asks for the set's owner. */
  can: (permission: Permission, owns?: boolean) => boolean
  isPending: boolean
  error: Error | null
}

/** Reads again each minute, so that a session that timed out on the server ends on the screen too. What polls does not count as use: see idle.ts. */
export function useSession(): Session {
  const query = useQuery(api.session.status.queryOptions({ staleTime: 10_000, refetchInterval: 60_000 }))
  const user = query.data?.user ?? null
  return { status: query.data, user, can: (permission, owns = false) => user !== null && may(user.role, permission, owns), isPending: query.isPending, error: query.error }
}

export interface SignInInput { email: string; password: string }

export function useSignIn(): UseMutationResult<void, Error, SignInInput> {
  const queries = useQueryClient()
  return useMutation({ mutationFn: signIn, onSuccess: () => queries.invalidateQueries() })
}

/** Forgets everything that was read. */
export function useSignOut(): UseMutationResult<void, Error, void> {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: signOut,
    onSuccess: async () => {
      await queries.cancelQueries()
      queries.clear()
      await queries.invalidateQueries({ queryKey: api.session.key() })
    },
  })
}

/** Throws a ProblemError: `not-signed-in` for a wrong e-mail address or password, `rate-limited` after too many tries. */
const signIn = (input: SignInInput): Promise<void> => post('sign-in/email', input)
const signOut = (): Promise<void> => post('sign-out', {})

async function post(path: string, body: object): Promise<void> {
  await fetchOrProblem(new Request(`/api/auth/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }))
}
