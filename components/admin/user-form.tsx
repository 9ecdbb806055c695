'use client'
/** Adding or changing a user: name, e-mail address, role, password, and whether they may sign in. */
import { zodResolver } from '@hookform/resolvers/zod'
import { useMutation } from '@tanstack/react-query'
import { Controller, useForm } from 'react-hook-form'
import * as z from 'zod'
import { showFieldErrors } from '#components/form/server-fields.ts'
import { Button } from '#components/ui/button.tsx'
import { Checkbox, RadioCards } from '#components/ui/choice.tsx'
import { Dialog } from '#components/ui/dialog.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { PasswordField, TextField } from '#components/ui/text-field.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { NewPassword } from '#lib/contract/admin.ts'
import type { User } from '#lib/contract/shapes.ts'
import { Role } from '#lib/domain/role.ts'
import { roleOptions } from './role-words.ts'

const shared = { name: z.string().trim().min(1, 'is required').max(100), email: z.email('an e-mail address').max(200), role: Role, isActive: z.boolean() }
const NewUser = z.object({ ...shared, password: NewPassword })
/** An empty password field keeps the password. */
const ChangedUser = z.object({ ...shared, password: z.union([z.literal(''), NewPassword], { error: 'at least 12 characters' }) })
const names = ['name', 'email', 'role', 'isActive', 'password'] as const

/** A dialog; `user` absent = add a new one. */
export function UserDialog({ user, isSelf, onClose }: { user?: User | undefined; isSelf: boolean; onClose: () => void }) {
  const create = useMutation(api.user.create.mutationOptions())
  const update = useMutation(api.user.update.mutationOptions())
  const form = useForm<z.input<typeof ChangedUser>>({
    resolver: zodResolver(user ? ChangedUser : NewUser),
    defaultValues: user ? { name: user.name, email: user.email, role: user.role, isActive: user.isActive, password: '' } : { name: '', email: '', role: 'monitor', isActive: true, password: '' },
  })
  const { errors } = form.formState

  const submit = form.handleSubmit(async ({ name, email, role, isActive, password }) => {
    try {
      await (user ? update.mutateAsync({ id: user.id, name, role, isActive, ...(password === '' ? {} : { password }) }) : create.mutateAsync({ name, email, role, password }))
      onClose()
    } catch (failure) {
      showFieldErrors(form.setError, failure, names) // the problem itself is shown from the mutation
    }
  })
  const problem = problemOf(create.error ?? update.error)
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={user ? `Change ${user.name}` : 'Add a user'}>
      <form noValidate className="@container space-y-4 pb-3" onSubmit={(event) => void submit(event)}>
        <TextField label="Name" autoComplete="off" error={errors.name} {...form.register('name')} />
        <TextField label="E-mail address" type="email" autoComplete="off" readOnly={user !== undefined} help={user ? 'It is what this user signs in with and stays.' : 'The user signs in with it.'} error={errors.email} {...form.register('email')} />
        <PasswordField label={user ? 'New password' : 'Password'} isStored={user !== undefined} help="At least 12 characters. Hand it over safely; the user can change it." error={errors.password} {...form.register('password')} />
        <Controller control={form.control} name="role" render={({ field }) => <RadioCards label="Role" options={roleOptions} value={field.value} onChange={field.onChange} error={errors.role} />} />
        {user && (
          <Controller
            control={form.control}
            name="isActive"
            render={({ field }) => <Checkbox label="May sign in" help="Without it the user is signed out at once; what the user made stays." checked={field.value} onChange={field.onChange} disabledReason={isSelf ? 'This is you' : undefined} />}
          />
        )}
        {problem && <ProblemNotice problem={problem} live />}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" loading={create.isPending || update.isPending}>
            {user ? 'Save' : 'Add user'}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
