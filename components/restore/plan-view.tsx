'use client'
/** A plan as a person reads it: what comes back, from what, how much, how long, what is lost, and what the server will be told. */
import { Card } from '#components/ui/card.tsx'
import { CodeBlock } from '#components/ui/code-block.tsx'
import { formatBytes, formatDuration, formatPlural } from '#components/ui/format.ts'
import { Advanced } from '#components/ui/form-section.tsx'
import { KeyValue } from '#components/ui/key-value.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { Button } from '#components/ui/button.tsx'
import { levelWords } from '#components/runs/run-words.ts'
import type { Outputs } from '#lib/client/api.ts'
import type { RestorePlan } from '#lib/contract/restores.ts'

export type Refusal = Extract<Outputs['restore']['plan'], { ok: false }>['refusal']

export function PlanView({ plan }: { plan: RestorePlan }) {
  const settings = Object.entries(plan.recoverySettings)
  return (
    <Card title="Plan">
      <div className="space-y-4">
        <KeyValue
          columns={2}
          items={[
            { key: 'target', label: 'Brings back', value: plan.targetText },
            { key: 'lost', label: 'Lost', value: plan.loses },
            { key: 'to', label: 'To', value: `${plan.hostName}:${plan.destination}`, mono: true },
            { key: 'chain', label: plan.chain.length > 1 ? 'Images' : 'Image', value: <Chain plan={plan} /> },
            { key: 'wal', label: 'WAL', value: plan.wal.files === 0 ? 'none' : `${formatPlural(plan.wal.files, 'file')}, ${formatBytes(plan.wal.storedBytes)}${plan.wal.firstName === null ? '' : `: ${plan.wal.firstName} … ${plan.wal.lastName}`}` },
            { key: 'transfer', label: 'From storage', value: formatBytes(plan.transferBytes) },
            { key: 'space', label: 'Space needed', value: `${formatBytes(plan.neededBytes)} on ${plan.hostName}` },
            { key: 'time', label: 'Takes about', value: formatDuration(Math.max(1, Math.round(plan.estimatedSeconds)) * 1000) },
            { key: 'major', label: 'Needs', value: `PostgreSQL ${plan.major}` },
          ]}
        />
        {plan.notes.map((note) => (
          <ProblemNotice key={note} tone="note" problem={{ message: note }} />
        ))}
        <ol className="list-decimal space-y-0.5 pl-5 text-muted">
          {plan.steps.map((step) => (
            <li key={step}>{step}</li>
          ))}
        </ol>
        {settings.length > 0 && (
          <Advanced label="Show what the server will be told" changedCount={0}>
            <CodeBlock title="data/postgresql.auto.conf, beside recovery.signal" code={settings.map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`).join('\n')} wrap />
          </Advanced>
        )}
      </div>
    </Card>
  )
}

function Chain({ plan }: { plan: RestorePlan }) {
  return (
    <ul>
      {plan.chain.map((image) => (
        <li key={image.id}>
          {levelWords(image.level)} of <RelativeTime at={image.endAt} show="absolute" />
        </li>
      ))}
    </ul>
  )
}

/** Why it cannot be done, with the nearest moments that can. */
export function RefusalView({ refusal, onTime }: { refusal: Refusal; onTime: (at: string) => void }) {
  const offers = [
    { at: refusal.before, label: 'Nearest before' },
    { at: refusal.after, label: 'Nearest after' },
  ]
  return (
    <ProblemNotice
      problem={{ message: refusal.reason, hint: refusal.hint }}
      live
      actions={offers.flatMap(({ at, label }) =>
        at === null
          ? []
          : [
              <Button key={label} size="sm" onClick={() => onTime(at)}>
                {label}: <RelativeTime at={at} show="absolute" />
              </Button>,
            ],
      )}
    />
  )
}
