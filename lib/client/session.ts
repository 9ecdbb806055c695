/** Who is signed in, and signing in and out. */
import { useMutation, useQuery, useQueryClient, type UseMutationResult } from '@tanstack/react-query'
import { createAuthClient } from 'better-auth/client'
import type { User } from '#lib/contract/shapes.ts'
import { problem } from '#lib/domain/problem.ts'
import { may, type Permission } from '#lib/domain/role.ts'
import { api, type Outputs } from './api.ts'

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

const authClient = () => createAuthClient({ baseURL: `${location.origin}/api/auth` })

/** Throws a ProblemError: `invalid-input` for a wrong e-mail or password, `rate-limited` after too many tries. */
export async function signIn(input: SignInInput): Promise<void> {
  const { error } = await authClient().signIn.email(input)
  if (error) throw signInProblem(error)
}

export async function signOut(): Promise<void> {
  const { error } = await authClient().signOut()
  if (error) throw signInProblem(error)
}

function signInProblem({ status, message }: { status: number; message?: string | undefined }): Error {
  if (status === 429) return problem('rate-limited', 'Too many sign-ins failed from here')
  if (status === 401 || status === 400) return problem('invalid-input', 'E-mail address or password is wrong', { hint: 'Both must be right; an administrator can set a new password in Admin ▸ Users.' })
  if (status === 403) return problem('forbidden', message ?? 'This user may not sign in', { hint: 'Ask an administrator to activate the user in Admin ▸ Users.' })
  return problem('console-unavailable', 'The console could not sign you in', message === undefined ? {} : { detail: message })
}
