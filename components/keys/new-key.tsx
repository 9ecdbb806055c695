'use client'
/** Makes a key here, or takes in an identity that was made elsewhere. */
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Button } from '#components/ui/button.tsx'
import { Dialog } from '#components/ui/dialog.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { TextArea, TextField } from '#components/ui/text-field.tsx'
import { api } from '#lib/client/api.ts'
import { fieldErrors, problemOf } from '#lib/client/problem.ts'
import type { Key } from '#lib/contract/keys.ts'

const words = {
  make: { title: 'Make a key', description: 'A new age key pair. Its private half is sealed in the catalog; print its kit right afterwards.', button: 'Make key' },
  import: { title: 'Import an identity', description: 'For images of a lost console, or a key made with age-keygen. It is sealed in the catalog.', button: 'Import key' },
} as const

export function NewKey({ how, onClose, onMade }: { how: keyof typeof words; onClose: () => void; onMade: (key: Key) => void }) {
  const make = useMutation(api.key.create.mutationOptions({ onSuccess: onMade }))
  const take = useMutation(api.key.import.mutationOptions({ onSuccess: onMade }))
  const [name, setName] = useState('')
  const [comment, setComment] = useState('')
  const [identity, setIdentity] = useState('')
  const asked = how === 'make' ? make : take
  const said = fieldErrors(asked.error)
  const errorOf = (field: string) => (said[field] === undefined ? undefined : { message: said[field] })
  const problem = problemOf(asked.error)
  const missing = name.trim() === '' ? 'Give it a name first' : how === 'import' && identity.trim() === '' ? 'Paste the identity first' : undefined
  const { title, description, button } = words[how]
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={title} description={description} size="sm">
      <form
        noValidate
        className="@container space-y-4 pb-3"
        onSubmit={(event) => {
          event.preventDefault()
          if (missing !== undefined) return
          if (how === 'make') make.mutate({ name, comment })
          else take.mutate({ name, comment, identity })
        }}
      >
        <TextField label="Name" placeholder="vault-2026" help="Settings name the key by it; it cannot be changed." value={name} onChange={(event) => setName(event.target.value)} error={errorOf('name')} />
        {how === 'import' && <TextArea label="Identity" mono rows={4} autoComplete="off" spellCheck={false} help="The line that begins with AGE-SECRET-KEY-1, or the whole key file." value={identity} onChange={(event) => setIdentity(event.target.value)} error={errorOf('identity')} />}
        <TextField label="Comment" optional value={comment} onChange={(event) => setComment(event.target.value)} error={errorOf('comment')} />
        {problem && Object.keys(said).length === 0 && <ProblemNotice problem={problem} live />}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" loading={asked.isPending} disabledReason={missing}>
            {button}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
