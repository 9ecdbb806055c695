'use client'
/** A fix that the console may carry out: what changes from what to what, by which statements, then the run that does it and checks again. */
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { RunInline } from '#components/runs/run-inline.tsx'
import { Button } from '#components/ui/button.tsx'
import { CodeBlock } from '#components/ui/code-block.tsx'
import { ConfirmDialog } from '#components/ui/confirm-dialog.tsx'
import { DiffView } from '#components/ui/diff-view.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { useSession } from '#lib/client/session.ts'
import { fixes, type FixPlan } from '#lib/domain/check.ts'

/** `plan` is frozen while the question is open, so that what is agreed to is what was read. */
export function ApplyFix({ plan, sourceId, sourceName }: { plan: FixPlan; sourceId: string; sourceName: string }) {
  const { can } = useSession()
  const [asked, setAsked] = useState<FixPlan | null>(null)
  const [runId, setRunId] = useState<string | null>(null)
  const apply = useMutation(api.source.fix.mutationOptions())
  const close = () => {
    setAsked(null)
    apply.reset()
  }
  const refusal = can('host.change', true) ? undefined : 'Only administrators change servers and hosts'
  return (
    <div className="mt-1.5 space-y-2">
      <Button size="sm" disabledReason={refusal} onClick={() => setAsked(plan)}>
        {fixes[plan.fix]}…
      </Button>
      {asked !== null && (
        <ConfirmDialog
          open
          onOpenChange={(open) => !open && close()}
          title={`${fixes[asked.fix]} for ${sourceName}?`}
          consequences={[
            asked.needsRestart ? 'It comes into force when the server is restarted; Howdah does not restart it.' : 'It is in force at once; no restart is needed.',
            'The source is checked again afterwards. Who agreed, and to what, is in the audit.',
          ]}
          confirmLabel={fixes[asked.fix]}
          pending={apply.isPending}
          problem={problemOf(apply.error) ?? undefined}
          onConfirm={() =>
            apply.mutate(
              { id: sourceId, shown: asked },
              {
                onSuccess: (run) => {
                  setRunId(run.runId)
                  close()
                },
              },
            )
          }
        >
          <div className="mt-4 space-y-3">
            <DiffView changes={asked.changes.map(({ what, from, to }, index) => ({ key: `${index}`, label: what, before: from, after: to }))} />
            <CodeBlock title="What runs" code={asked.statements.join('\n')} wrap />
          </div>
        </ConfirmDialog>
      )}
      {runId !== null && <RunInline key={runId} runId={runId} />}
    </div>
  )
}
