'use client'
/** Confirming a host key: what the console saw and what the host itself says, side by side, before anything is trusted. */
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Button } from '#components/ui/button.tsx'
import { CodeBlock } from '#components/ui/code-block.tsx'
import { ConfirmDialog } from '#components/ui/confirm-dialog.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { StateMark } from '#components/ui/state-mark.tsx'
import { TextArea } from '#components/ui/text-field.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import type { Host } from '#lib/contract/hosts.ts'
import { everyFingerprintCommand, fingerprintCommand, pastedMatches } from './host-state.ts'

export interface HostKeyPanelProps {
  host: Host
  /** Why this person cannot confirm keys. */
  refusal?: string | undefined
  onConfirmed: () => void
}

/** For a key that was never confirmed, or one that differs from the confirmed one. */
export function HostKeyPanel({ host, refusal, onConfirmed }: HostKeyPanelProps) {
  const confirm = useMutation(api.host.confirmKey.mutationOptions())
  const [pasted, setPasted] = useState('')
  const [asking, setAsking] = useState(false)
  const offered = host.offeredKeyFingerprint
  if (offered === null) return null

  const isChange = host.hostKeyFingerprint !== null
  const matches = pastedMatches(pasted, offered)
  const problem = problemOf(confirm.error) ?? undefined
  const trust = () =>
    confirm.mutate(
      { id: host.id, fingerprint: offered },
      {
        onSuccess: () => {
          setAsking(false)
          onConfirmed()
        },
      },
    )

  return (
    <div className="space-y-4">
      {isChange && (
        <ProblemNotice
          problem={{
            message: `${host.name} shows another key than the one that was confirmed`,
            detail: `Confirmed${host.hostKeyConfirmedBy === null ? '' : ` by ${host.hostKeyConfirmedBy}`}: ${host.hostKeyFingerprint}\nOffered: ${offered}`,
            hint: 'Nothing is sent to this host until you decide. Was it reinstalled, or was its address given to another machine? If neither, somebody may stand between: do not confirm.',
          }}
        />
      )}
      <div className="grid gap-4 md:grid-cols-2">
        <div className="min-w-0 rounded-md border border-line bg-sunken p-3">
          <h3 className="font-medium">What the console saw</h3>
          <p className="mt-1 text-muted">
            {host.address}, port {host.port}, showed the key with this fingerprint:
          </p>
          <p className="mt-2 font-mono text-xs [overflow-wrap:anywhere]">{offered}</p>
        </div>
        <div className="min-w-0 rounded-md border border-line bg-sunken p-3">
          <h3 className="font-medium">What the host says itself</h3>
          <p className="mt-1 text-muted">Run this on {host.name}, on its own screen or through a connection that you already trust:</p>
          <div className="mt-2">
            <CodeBlock code={fingerprintCommand} wrap />
          </div>
          <p className="mt-3 mb-2 text-muted">If it prints another one, sshd may have shown a key of another type. This prints all of them:</p>
          <CodeBlock code={everyFingerprintCommand} wrap />
        </div>
      </div>
      <div className="@container">
        <TextArea label="Paste what it printed" optional mono rows={2} spellCheck={false} placeholder="256 SHA256:… root@db1 (ED25519)" help="The two are then compared for you, letter by letter." value={pasted} onChange={(event) => setPasted(event.target.value)} />
      </div>
      <div aria-live="polite">
        {matches === true && <StateMark state="ok">The fingerprints are equal</StateMark>}
        {matches === false && <StateMark state="failed">The fingerprints differ: do not confirm this key</StateMark>}
      </div>
      {problem && !asking && <ProblemNotice problem={problem} live />}
      <Button
        variant={isChange ? 'danger' : 'primary'}
        loading={confirm.isPending}
        disabledReason={refusal ?? (matches === false ? 'What you pasted differs from what the console saw' : undefined)}
        onClick={() => (isChange ? setAsking(true) : trust())}
      >
        {isChange ? 'Confirm the new key' : 'The fingerprints are equal: confirm this key'}
      </Button>
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title={`Trust the new key of ${host.name}?`}
        consequences={['The console will send this host its password or use its key to sign in there.', 'The key confirmed before is forgotten.', `${host.sources.length} of its sources can be backed up again.`]}
        confirmLabel="Confirm the new key"
        danger
        typed={{ expected: host.name, label: 'Name of the host' }}
        onConfirm={trust}
        pending={confirm.isPending}
        problem={problem}
      />
    </div>
  )
}
