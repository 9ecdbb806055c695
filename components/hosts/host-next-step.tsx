'use client'
/** What stands between a host and its first backup: one panel with the next step and the button that does it. */
import type { ReactNode } from 'react'
import { Button, LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { cx } from '#components/ui/cx.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { StateShape } from '#components/ui/state-mark.tsx'
import type { Host } from '#lib/contract/hosts.ts'
import { HostKeyPanel } from './host-key-panel.tsx'
import { hostSteps } from './host-state.ts'

export interface HostActions {
  readKey: () => void
  deploy: () => void
  describe: () => void
  /** One of them was asked for and has not been answered. */
  isPending: boolean
  /** Why this person may do none of them, or why not now. */
  refusal?: string | undefined
}

/** Added ✓ → Host key confirmed → Agent deployed → Looked for clusters. */
export function HostSteps({ host }: { host: Host }) {
  const steps = hostSteps(host)
  const current = steps.findIndex((step) => !step.isDone)
  return (
    <ol aria-label="Steps of a new host" className="flex flex-wrap gap-x-5 gap-y-1.5">
      {steps.map((step, index) => (
        <li key={step.label} aria-current={index === current ? 'step' : undefined} className={cx('flex items-center gap-1.5', step.isDone ? 'text-muted' : index === current ? 'font-medium' : 'text-faint')}>
          <StateShape state={step.isDone ? 'ok' : 'queued'} size={10} />
          {step.label}
          <span className="sr-only">{step.isDone ? '(done)' : '(to do)'}</span>
        </li>
      ))}
    </ol>
  )
}

type StepProps = { host: Host; actions: HostActions }

const panels = {
  new: ReadKey,
  'key-unknown': ConfirmKey,
  'key-changed': ConfirmKey,
  'no-agent': Deploy,
  outdated: Upgrade,
  offline: Unreachable,
  online: Ready,
} as const satisfies Record<Host['state'], (props: StepProps) => ReactNode>

/** The panel for the state the host is in. */
export function HostNextStep(props: StepProps) {
  const Panel = panels[props.host.state]
  return <Panel {...props} />
}

function ReadKey({ host, actions }: StepProps) {
  return (
    <Card title="Read the host key" description={`The console asks ${host.address} for its key, so that you can compare it before anything is sent there.`}>
      {host.offlineReason !== null && (
        <div className="mb-3">
          <ProblemNotice problem={{ message: `${host.name} was not reached`, detail: host.offlineReason, hint: `Check that sshd answers at ${host.address}, port ${host.port}, from the machine that runs the console's worker.` }} />
        </div>
      )}
      <Button variant="primary" loading={actions.isPending} disabledReason={actions.refusal} onClick={actions.readKey}>
        Read host key
      </Button>
    </Card>
  )
}

function ConfirmKey({ host, actions }: StepProps) {
  return (
    <Card title={host.state === 'key-changed' ? 'The host key has changed' : 'Is this really your host?'} description="A host proves who it is by its key. Compare it once; from then on another key is refused.">
      <HostKeyPanel host={host} refusal={actions.refusal} onConfirmed={host.agentSha256 === null ? actions.deploy : actions.describe} />
    </Card>
  )
}

function Deploy({ host, actions }: StepProps) {
  return (
    <Card title="Deploy the agent" description={`One file is copied into the home directory of ${host.user} on ${host.name}${host.runAs === null ? '' : ` and run as ${host.runAs}`}. It opens no port, needs no root, and runs only while the console uses it. Where the host has no Node, its runtime is sent along.`}>
      <Button variant="primary" loading={actions.isPending} disabledReason={actions.refusal} onClick={actions.deploy}>
        Deploy agent
      </Button>
    </Card>
  )
}

function Upgrade({ host, actions }: StepProps) {
  return (
    <Card title="Upgrade the agent" description={`${host.name} has version ${host.agentVersion ?? 'unknown'}; the console brings a newer one. Runs in progress finish on the old one.`}>
      <Button variant="primary" loading={actions.isPending} disabledReason={actions.refusal} onClick={actions.deploy}>
        Upgrade agent
      </Button>
    </Card>
  )
}

function Unreachable({ host, actions }: StepProps) {
  return (
    <ProblemNotice
      problem={{ message: `${host.name} does not answer`, detail: host.offlineReason ?? undefined, hint: `Check that the host is up and that sshd answers at ${host.address}, port ${host.port}, for the user ${host.user}. Scheduled backups of its sources are recorded as failed meanwhile.` }}
      actions={
        <Button loading={actions.isPending} disabledReason={actions.refusal} onClick={host.agentSha256 === null ? actions.deploy : actions.describe}>
          Try again
        </Button>
      }
    />
  )
}

function Ready({ host, actions }: StepProps) {
  if (host.sources.length > 0) return null
  if (host.clusters.length === 0) {
    return (
      <ProblemNotice
        tone="note"
        problem={{ message: 'No database cluster was found on this host', detail: `${host.runAs ?? host.user} looked at running servers, at the usual directories, and at pg_lsclusters. A data directory elsewhere can be typed in Backup ▸ What; or start PostgreSQL and look again.` }}
        actions={
          <>
            <Button loading={actions.isPending} disabledReason={actions.refusal} onClick={actions.describe}>
              Look again
            </Button>
            <LinkButton href="/backup/what?add=1">Open Backup ▸ What</LinkButton>
          </>
        }
      />
    )
  }
  return (
    <ProblemNotice
      tone="note"
      problem={{ message: 'This host is ready; none of its clusters is in a backup set yet', detail: 'Add one as a source in Backup ▸ What.' }}
      actions={<LinkButton variant="primary" href="/backup/what?add=1">Choose what to back up</LinkButton>}
    />
  )
}
