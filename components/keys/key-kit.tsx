'use client'
/** The printable kit of a key: its identity as text, and how to decrypt by hand. Showing it is written to the audit. */
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Button } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { Checkbox } from '#components/ui/choice.tsx'
import { CodeBlock } from '#components/ui/code-block.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { api, type Outputs } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import type { Key } from '#lib/contract/keys.ts'
import { commandsByHand } from '#lib/domain/encryption.ts'

type Exported = Outputs['key']['export']

export function KeyKit({ keyOf, refusal }: { keyOf: Key; refusal: string | undefined }) {
  const show = useMutation(api.key.export.mutationOptions())
  const confirm = useMutation(api.key.confirmKit.mutationOptions())
  const [isSafe, setSafe] = useState(false)
  const problem = problemOf(show.error) ?? problemOf(confirm.error)
  const kit = show.data
  return (
    <Card
      title="Key kit"
      description="The private half of the key, on paper. With it and a copy of the storage every image can be restored without this console."
      actions={
        <Button variant={keyOf.kitConfirmedAt === null ? 'primary' : 'secondary'} loading={show.isPending} disabledReason={refusal ?? (kit ? 'It is shown below' : undefined)} onClick={() => show.mutate({ id: keyOf.id })}>
          Show the kit
        </Button>
      }
    >
      <div className="space-y-4">
        <p className="text-muted">
          {keyOf.kitConfirmedAt === null ? (
            'Nobody has confirmed yet that the kit was printed.'
          ) : (
            <>
              {keyOf.kitConfirmedBy} said that it lies in a safe place: <RelativeTime at={keyOf.kitConfirmedAt} />.
            </>
          )}{' '}
          Showing it is written to the audit.
        </p>
        {problem && <ProblemNotice problem={problem} live />}
        {kit && (
          <>
            <Sheet kit={kit} />
            <div className="flex flex-wrap gap-2">
              <Button variant="primary" onClick={() => window.print()}>
                Print the kit
              </Button>
              <Button onClick={() => download(kit)}>Save as key.txt</Button>
            </div>
            {keyOf.kitConfirmedAt === null && (
              <div className="space-y-3 border-t border-line pt-4">
                <Checkbox label="The kit is printed and lies in a safe place, away from this console" checked={isSafe} onChange={setSafe} />
                <Button loading={confirm.isPending} disabledReason={isSafe ? undefined : 'Tick the line above first'} onClick={() => confirm.mutate({ id: keyOf.id })}>
                  Confirm
                </Button>
              </div>
            )}
          </>
        )}
      </div>
    </Card>
  )
}

/** The only thing on paper: app/globals.css hides everything else of the page when it is printed. */
function Sheet({ kit }: { kit: Exported }) {
  return (
    <section aria-label={`Kit of ${kit.name}`} data-print-only className="space-y-4 rounded-md border border-line p-4">
      <h3 className="text-base font-semibold">Howdah key {kit.name}</h3>
      <p>
        Whoever has this sheet can read every backup that was encrypted for the recipient below. Keep it locked away, and keep it as long as such backups are kept.
      </p>
      <CodeBlock title="key.txt: type it into a file of this name" code={kit.text} wrap />
      <p>
        The tool is <code>age</code> (apt install age, or age-encryption.org); <code>zstd</code> and <code>tar</code> do the rest. RESTORE.md, beside the backups, has the whole way back.
      </p>
      {commandsByHand.map(({ title, command }) => (
        <CodeBlock key={title} title={title} code={command} wrap />
      ))}
    </section>
  )
}

function download({ text }: Exported): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }))
  const link = document.createElement('a')
  link.href = url
  link.download = 'key.txt'
  link.click()
  URL.revokeObjectURL(url)
}
