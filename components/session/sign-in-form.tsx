'use client'
/** Signing in with e-mail address and password. */
import { zodResolver } from '@hookform/resolvers/zod'
import { useRouter, useSearchParams } from 'next/navigation'
import { useEffect } from 'react'
import { useForm } from 'react-hook-form'
import * as z from 'zod'
import { Button } from '#components/ui/button.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { PasswordField, TextField } from '#components/ui/text-field.tsx'
import { problemOf } from '#lib/client/problem.ts'
import { useSession, useSignIn } from '#lib/client/session.ts'
import { EntryCard } from './entry-card.tsx'
import { nextPath } from './next-path.ts'

const Credentials = z.object({ email: z.email('Give the e-mail address of your user.'), password: z.string().min(1, 'Give your password.') })

/** The sign-in page; a person who is signed in already goes on at once. */
export function SignInForm() {
  const router = useRouter()
  const next = nextPath(useSearchParams().get('next'))
  const { status, user, error } = useSession()
  const signIn = useSignIn()
  const form = useForm({ resolver: zodResolver(Credentials), defaultValues: { email: '', password: '' } })
  const { errors } = form.formState

  useEffect(() => {
    if (status?.needsFirstStart) router.replace('/first-start')
    else if (user) router.replace(next)
  }, [status, user, next, router])

  const problem = problemOf(signIn.error) ?? problemOf(error)
  return (
    <EntryCard title="Sign in" below={<>Forgot your password? An administrator sets a new one.{status && <span className="block pt-1">Version {status.version}</span>}</>}>
      {/* method post: should the page be used before its script runs, the password does not end up in the address */}
      <form noValidate method="post" className="space-y-4" onSubmit={(event) => void form.handleSubmit((credentials) => signIn.mutate(credentials))(event)}>
        {problem && <ProblemNotice problem={problem} live />}
        <TextField label="E-mail address" type="email" autoComplete="username" wide error={errors.email} {...form.register('email')} />
        <PasswordField label="Password" autoComplete="current-password" wide error={errors.password} {...form.register('password')} />
        <Button type="submit" variant="primary" className="w-full" loading={signIn.isPending || user !== null}>
          Sign in
        </Button>
      </form>
    </EntryCard>
  )
}
