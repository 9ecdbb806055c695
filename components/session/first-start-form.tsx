'use client'
/** The very first page: makes the administrator with the token of the link that the console printed, then signs in. */
import { zodResolver } from '@hookform/resolvers/zod'
import { useMutation } from '@tanstack/react-query'
import { useRouter, useSearchParams } from 'next/navigation'
import { useEffect, useState } from 'react'
import { useForm } from 'react-hook-form'
import { Button } from '#components/ui/button.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { PasswordField, TextField } from '#components/ui/text-field.tsx'
import { api } from '#lib/client/api.ts'
import { fieldErrors, problemOf } from '#lib/client/problem.ts'
import { useSession, useSignIn } from '#lib/client/session.ts'
import { FirstStart } from '#lib/contract/admin.ts'
import { EntryCard } from './entry-card.tsx'

/** Name, e-mail address and password of the first administrator. */
export function FirstStartForm() {
  const router = useRouter()
  const token = useSearchParams().get('token') ?? ''
  const { status, user, error } = useSession()
  const create = useMutation(api.session.firstStart.mutationOptions())
  const signIn = useSignIn()
  const [made, setMade] = useState(false)
  const form = useForm({ resolver: zodResolver(FirstStart), defaultValues: { token, name: '', email: '', password: '' } })
  const { errors } = form.formState
  const isDone = status !== undefined && !status.needsFirstStart && !made

  useEffect(() => {
    if (user) router.replace('/')
    else if (isDone) router.replace('/sign-in')
  }, [user, isDone, router])

  const submit = form.handleSubmit(async ({ token, name, email, password }) => {
    setMade(true)
    try {
      await create.mutateAsync({ token, name, email, password })
    } catch (failure) {
      setMade(false)
      for (const field of ['name', 'email', 'password'] as const) {
        const message = fieldErrors(failure)[field]
        if (message !== undefined) form.setError(field, { message })
      }
      return // `create.error` is shown above the fields
    }
    signIn.mutate({ email, password }, { onError: () => setMade(false) })
  })

  const problem = problemOf(create.error) ?? problemOf(signIn.error) ?? problemOf(error)
  if (token === '') {
    return (
      <EntryCard title="Welcome">
        <ProblemNotice
          tone="note"
          problem={{ message: 'Open the link that the console printed when it started', detail: 'It carries a token which proves that you are the person who started Howdah, so that nobody else on the network can become its administrator.', hint: 'Run `npm run up` again on the console\u2019s machine: it prints the link while there is no administrator.' }}
        />
      </EntryCard>
    )
  }
  return (
    <EntryCard title="Create the administrator">
      <p className="mb-4 text-muted">You are the first person here. This user may do everything and adds all others in Admin ▸ Users.</p>
      <form noValidate method="post" className="space-y-4" onSubmit={(event) => void submit(event)}>
        {problem && <ProblemNotice problem={problem} live />}
        <TextField label="Name" autoComplete="name" wide error={errors.name} {...form.register('name')} />
        <TextField label="E-mail address" type="email" autoComplete="username" wide help="You sign in with it." error={errors.email} {...form.register('email')} />
        <PasswordField label="Password" autoComplete="new-password" wide help="At least 12 characters." error={errors.password} {...form.register('password')} />
        <Button type="submit" variant="primary" className="w-full" loading={create.isPending || signIn.isPending || user !== null}>
          Create administrator and sign in
        </Button>
      </form>
    </EntryCard>
  )
}
