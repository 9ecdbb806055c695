'use client'
/** Creating a backup set: a name, and what it is for. The rest follows on its tabs. */
import { zodResolver } from '@hookform/resolvers/zod'
import { useMutation } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useForm } from 'react-hook-form'
import * as z from 'zod'
import { showFieldErrors } from '#components/form/server-fields.ts'
import { Button } from '#components/ui/button.tsx'
import { FormSection } from '#components/ui/form-section.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { TextField } from '#components/ui/text-field.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import { Comment, Name } from '#lib/contract/shapes.ts'
import { inSet } from './use-set.ts'

const Input = z.object({ name: Name, comment: Comment })

/** Leads to What of the new set. */
export function SetForm({ isFirst = false, onCancel }: { isFirst?: boolean; onCancel?: () => void }) {
  const router = useRouter()
  const { can } = useSession()
  const create = useMutation(api.set.create.mutationOptions())
  const form = useForm<z.infer<typeof Input>>({ resolver: zodResolver(Input), defaultValues: { name: '', comment: '' } })
  const submit = form.handleSubmit(async (values) => {
    try {
      const set = await create.mutateAsync(values)
      router.push(inSet('/backup/what', set))
    } catch (failure) {
      showFieldErrors(form.setError, failure, ['name', 'comment']) // the problem itself is shown from the mutation
    }
  })
  const problem = problemOf(create.error)
  const { errors } = form.formState
  return (
    <form noValidate aria-label="Create a backup set" className="max-w-3xl" onSubmit={(event) => void submit(event)}>
      <FormSection title={isFirst ? 'Create the first backup set' : 'Create a backup set'} description="What, Where, How and When are filled in next, one tab each; nothing runs before you activate the set or start a backup.">
        <TextField label="Name" placeholder="nightly" help="Letters, digits, dot, dash and underscore; it becomes a folder name in storage." error={errors.name} {...form.register('name')} />
        <TextField label="Comment" optional error={errors.comment} {...form.register('comment')} />
      </FormSection>
      <div className="space-y-3 border-t border-line pt-4">
        {problem && <ProblemNotice problem={problem} live />}
        <div className="flex flex-wrap gap-2">
          <Button type="submit" variant="primary" loading={create.isPending} disabledReason={can('set.create') ? undefined : 'Your role does not create backup sets'}>
            Create backup set
          </Button>
          {onCancel && <Button onClick={onCancel}>Cancel</Button>}
        </div>
      </div>
    </form>
  )
}
