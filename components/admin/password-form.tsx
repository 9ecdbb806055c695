'use client'
/** Changing the own password. */
import { zodResolver } from '@hookform/resolvers/zod'
import { useMutation } from '@tanstack/react-query'
import { useForm } from 'react-hook-form'
import * as z from 'zod'
import { showFieldErrors } from '#components/form/server-fields.ts'
import { PageHeader } from '#components/frame/page-header.tsx'
import { Button } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { PasswordField } from '#components/ui/text-field.tsx'
import { useToast } from '#components/ui/toast.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { NewPassword } from '#lib/contract/admin.ts'

const Change = z.object({ current: z.string().min(1, 'is required'), next: NewPassword })

/** Your password: the present one proves that it is you. */
export function PasswordForm() {
  const toast = useToast()
  const change = useMutation(api.session.changePassword.mutationOptions())
  const form = useForm({ resolver: zodResolver(Change), defaultValues: { current: '', next: '' } })
  const { errors } = form.formState
  const problem = problemOf(change.error)
  const submit = form.handleSubmit(async (values) => {
    try {
      await change.mutateAsync(values)
      form.reset()
      toast({ title: 'Your password is changed', state: 'ok' })
    } catch (failure) {
      showFieldErrors(form.setError, failure, ['current', 'next']) // the problem itself is shown from the mutation
    }
  })
  return (
    <>
      <PageHeader crumbs={[{ label: 'Admin' }, { label: 'Your password' }]} title="Your password" />
      <Card className="max-w-3xl">
        <form noValidate className="@container space-y-4" onSubmit={(event) => void submit(event)}>
          <PasswordField label="Present password" autoComplete="current-password" error={errors.current} {...form.register('current')} />
          <PasswordField label="New password" autoComplete="new-password" help="At least 12 characters." error={errors.next} {...form.register('next')} />
          {problem && <ProblemNotice problem={problem} live />}
          <Button type="submit" variant="primary" loading={change.isPending}>
            Change password
          </Button>
        </form>
      </Card>
    </>
  )
}
