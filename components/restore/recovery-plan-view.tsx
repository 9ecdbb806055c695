'use client'
/** What is done on the host when a recovery is completed: the steps in order, and the commands as they run. */
import { Card } from '#components/ui/card.tsx'
import { CodeBlock } from '#components/ui/code-block.tsx'
import { KeyValue } from '#components/ui/key-value.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import type { RecoveryPlan } from '#lib/contract/recoveries.ts'

export function RecoveryPlanView({ plan, after }: { plan: RecoveryPlan; after: boolean }) {
  const commands = [...(plan.stopCommand === null ? [] : [`# stop\n${plan.stopCommand}`]), `# start\n${plan.startCommand}`].join('\n')
  return (
    <Card title={plan.inPlace ? 'Then, in place' : 'Then, opened there'} description={after ? 'Begins as soon as the copy is there, as a run of its own.' : undefined}>
      <div className="space-y-4">
        {plan.inPlace && <ProblemNotice tone="strange" problem={{ message: `The cluster in ${plan.dataDirectory} on ${plan.hostName} is replaced`, detail: `It is set aside as ${plan.setAside ?? ''}, on the same file system, and comes back by Undo until you release it.` }} />}
        <KeyValue
          columns={2}
          items={[
            { key: 'data', label: 'Data directory', value: `${plan.hostName}:${plan.dataDirectory}`, mono: true },
            { key: 'port', label: 'Port', value: String(plan.port) },
            { key: 'service', label: 'Stopped and started by', value: plan.service },
          ]}
        />
        <ol className="list-decimal space-y-0.5 pl-5 text-muted">
          {plan.steps.map((step) => (
            <li key={step}>{step}</li>
          ))}
        </ol>
        {plan.notes.map((note) => (
          <ProblemNotice key={note} tone="note" problem={{ message: note }} />
        ))}
        <CodeBlock title={plan.serviceKind === 'pg_ctl' ? 'Commands; started with the options it runs with' : 'Commands'} code={commands} wrap />
      </div>
    </Card>
  )
}
