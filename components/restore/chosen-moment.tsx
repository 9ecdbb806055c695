'use client'
/** The moment that was chosen on Restore ▸ What, on the pages that follow it, with the way back. */
import { LinkButton } from '#components/ui/button.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { RelativeTime } from '#components/ui/relative-time.tsx'
import { type Choice, targetOf, targetWords } from './choice.ts'

export function ChosenMoment({ choice, href }: { choice: Choice; href: string }) {
  const parsed = targetOf(choice)
  const isWrong = 'wrong' in parsed
  return (
    <>
      <p className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <span>
          {targetWords[choice.kind].label}
          {choice.kind === 'time' && !isWrong && (
            <>
              : {choice.inclusive ? '' : 'just before '}
              <strong>
                <RelativeTime at={choice.value} />
              </strong>
            </>
          )}
          {choice.kind !== 'time' && choice.value !== '' && (
            <>
              : {choice.inclusive || choice.kind === 'name' ? '' : 'just before '}
              <code className="font-mono text-xs">{choice.value}</code>
            </>
          )}
        </span>
        <LinkButton size="sm" href={href}>
          Change the moment
        </LinkButton>
      </p>
      {isWrong && <ProblemNotice problem={{ message: 'The moment is not chosen', hint: parsed.wrong }} actions={<LinkButton href={href}>Choose it</LinkButton>} />}
    </>
  )
}
