/** Days as a calendar: a shape and colour for each day's worst state, weeks downwards. */
import { calendarWeeks } from './calendar.ts'
import { cx } from './cx.ts'
import { Link } from './link.tsx'
import { StateShape } from './state-mark.tsx'
import { stateNames, states, type State } from './state.ts'

export type CalendarDay = {
  /** `2026-11-18` in the zone of the page. */
  date: string
  state: State
  /** What happened, in words: "3 runs, 1 failed". */
  label: string
  href?: string | undefined
}

export type CalendarHeatmapProps = { label: string; begin: string; end: string; days: readonly CalendarDay[]; today?: string | undefined; /** The day whose content stands beside the calendar. */ current?: string | undefined }

const weekdayLetters = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const

/** One cell a day; days without an entry are empty. */
export function CalendarHeatmap({ label, begin, end, days, today, current }: CalendarHeatmapProps) {
  const byDate = new Map(days.map((day) => [day.date, day]))
  const used = stateNames.filter((state) => days.some((day) => day.state === state))
  return (
    <figure className="min-w-0">
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a box that scrolls must be reachable by keyboard */}
      <div role="region" aria-label={label} tabIndex={0} className="overflow-x-auto pb-1">
        <table className="border-separate border-spacing-0.5 text-2xs">
          <caption className="sr-only">{label}</caption>
          <thead>
            <tr>
              <th className="w-9">
                <span className="sr-only">Month</span>
              </th>
              {weekdayLetters.map((name) => (
                <th key={name} scope="col" className="w-9 pb-1 text-center font-normal text-faint">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {calendarWeeks(begin, end).map((week) => (
              <tr key={week.first}>
                <th scope="row" className="pr-2 text-left align-middle font-medium text-muted">
                  {week.month}
                  <span className="sr-only"> week of {week.days.find((date) => date !== null)}</span>
                </th>
                {week.days.map((date, index) => {
                  const entry = date === null ? undefined : byDate.get(date)
                  const isToday = date !== null && date === today
                  const number = date === null ? '' : String(Number(date.slice(8)))
                  const cell = cx('flex h-7 w-9 items-center justify-center gap-1 rounded-sm', isToday && 'ring-1 ring-accent ring-inset', date !== null && date === current && 'outline-2 outline-ink')
                  const said = entry === undefined ? '' : `${date}: ${states[entry.state].word}, ${entry.label}`
                  const face = entry && (
                    <>
                      <StateShape state={entry.state} size={9} />
                      <span aria-hidden>{number}</span>
                      <span className="sr-only">{said}</span>
                    </>
                  )
                  return (
                    <td key={weekdayLetters[index]} className="p-0">
                      {date === null ? null : entry?.href !== undefined ? (
                        <Link href={entry.href} look="none" title={said} aria-current={date === current ? 'date' : undefined} className={cx(cell, states[entry.state].tint, date !== current && 'hover:outline-1 hover:outline-edge')}>
                          {face}
                        </Link>
                      ) : (
                        <span title={said === '' ? undefined : said} className={cx(cell, entry ? states[entry.state].tint : 'text-faint')}>
                          {face ?? number}
                        </span>
                      )}
                    </td>
                  )
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {used.length > 0 && (
        <figcaption className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-xs text-muted">
          {used.map((state) => (
            <span key={state} className="inline-flex items-center gap-1.5">
              <StateShape state={state} size={10} /> {states[state].word}
            </span>
          ))}
        </figcaption>
      )}
    </figure>
  )
}
