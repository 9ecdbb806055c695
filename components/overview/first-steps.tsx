'use client'
/** For a new console: what to do first, second, third and fourth, with what is done ticked. */
import { useQuery } from '@tanstack/react-query'
import { Check } from 'lucide-react'
import { LinkButton } from '#components/ui/button.tsx'
import { Card } from '#components/ui/card.tsx'
import { cx } from '#components/ui/cx.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { Loading } from '#components/ui/skeleton.tsx'
import { api } from '#lib/client/api.ts'
import { problemOf } from '#lib/client/problem.ts'
import { currentStep, firstSteps, type FirstStep } from './first-steps-order.ts'

/** Shown until the first image is stored. */
export function FirstSteps({ images }: { images: number }) {
  const hosts = useQuery(api.host.list.queryOptions({ refetchInterval: 5000 }))
  const storages = useQuery(api.storage.list.queryOptions({ refetchInterval: 5000 }))
  const sets = useQuery(api.set.list.queryOptions({ refetchInterval: 5000 }))
  const problem = problemOf(hosts.error ?? storages.error ?? sets.error)
  if (problem) return <ProblemNotice problem={problem} live />
  if (!hosts.data || !storages.data || !sets.data) return <Loading label="the first steps" lines={4} />

  const steps = firstSteps({ hosts: hosts.data, storages: storages.data, sets: sets.data, images })
  const current = currentStep(steps)
  return (
    <Card title="From here to the first backup" description="Four steps, about ten minutes. Each page says what it needs." flush>
      <ol className="divide-y divide-line">
        {steps.map((step, index) => (
          <Step key={step.key} step={step} number={index + 1} isCurrent={step === current} waitsFor={current && !step.isDone && step !== current ? current.title : undefined} />
        ))}
      </ol>
    </Card>
  )
}

function Step({ step, number, isCurrent, waitsFor }: { step: FirstStep; number: number; isCurrent: boolean; waitsFor: string | undefined }) {
  return (
    <li aria-current={isCurrent ? 'step' : undefined} className={cx('flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3.5', isCurrent && 'bg-accent-tint')}>
      <span aria-hidden className={cx('flex size-6 shrink-0 items-center justify-center rounded-full border text-xs font-semibold', step.isDone ? 'border-ok text-ok' : isCurrent ? 'border-accent-solid bg-accent-solid text-on-accent' : 'border-line text-faint')}>
        {step.isDone ? <Check size={14} strokeWidth={2.5} /> : number}
      </span>
      <div className="min-w-48 grow basis-64">
        <p className="font-medium">
          {step.title}
          {step.isDone && <span className="sr-only"> (done)</span>}
        </p>
        <p className="max-w-prose text-muted [overflow-wrap:anywhere]">{step.text}</p>
      </div>
      <LinkButton href={step.href} className="max-sm:ml-10" variant={isCurrent ? 'primary' : step.isDone ? 'ghost' : 'secondary'} disabledReason={waitsFor === undefined || step.key === 'storage' ? undefined : `First: ${waitsFor.toLowerCase()}`}>
        {step.label}
      </LinkButton>
    </li>
  )
}
