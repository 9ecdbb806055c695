'use client'
/** A log as it grows: levels, a filter, and an end that is followed until the reader scrolls up. */
import { ArrowDownToLine, Search } from 'lucide-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { Button } from './button.tsx'
import { Segmented } from './choice.tsx'
import { cx } from './cx.ts'
import { formatPlural, formatUtc, zonedFields } from './format.ts'
import { useZone } from './relative-time.tsx'
import { TextInput } from './text-field.tsx'

export const logLevels = {
  debug: { word: 'debug', rank: 0, text: 'text-faint' },
  info: { word: 'info', rank: 1, text: 'text-ink' },
  warning: { word: 'WARN', rank: 2, text: 'text-strange' },
  error: { word: 'ERROR', rank: 3, text: 'text-failed' },
} as const
export type LogLevel = keyof typeof logLevels

export type LogLine = {
  /** Rises by line; also the key. */
  seq: number
  at: number
  level: LogLevel
  text: string
  /** Which part said it. */
  from?: string | undefined
}

const choices = [
  { value: 'debug', label: 'All' },
  { value: 'info', label: 'Info' },
  { value: 'warning', label: 'Warnings' },
  { value: 'error', label: 'Errors' },
] as const satisfies readonly { value: LogLevel; label: string }[]

export type LogViewProps = {
  label: string
  lines: readonly LogLine[]
  /** More is to come: offers to follow the end. */
  isLive?: boolean
  height?: string
}

/** Lines of a log with level and text filter. */
export function LogView({ label, lines, isLive = false, height = '22rem' }: LogViewProps) {
  const zone = useZone()
  const box = useRef<HTMLDivElement>(null)
  const [level, setLevel] = useState<LogLevel>('info')
  const [needle, setNeedle] = useState('')
  const [isFollowing, setFollowing] = useState(isLive)
  const shown = useMemo(() => {
    const wanted = needle.trim().toLowerCase()
    return lines.filter((line) => logLevels[line.level].rank >= logLevels[level].rank && (wanted === '' || `${line.from ?? ''} ${line.text}`.toLowerCase().includes(wanted)))
  }, [lines, level, needle])
  useEffect(() => {
    if (isFollowing && box.current) box.current.scrollTop = box.current.scrollHeight
  }, [shown, isFollowing])
  // Thousands of lines stay quick when the browser lays out only those in sight.
  const isLong = shown.length > 500
  const scrolled = (element: HTMLDivElement) => {
    if (isLive) setFollowing(element.scrollHeight - element.scrollTop - element.clientHeight < 24)
  }
  return (
    <div className="min-w-0">
      <div className="flex flex-wrap items-center gap-2 border-b border-line px-3 py-2">
        <div className="w-52 max-w-full">
          <TextInput type="search" aria-label={`Filter ${label}`} placeholder="Filter" lead={<Search aria-hidden />} value={needle} onChange={(event) => setNeedle(event.target.value)} className="h-7!" />
        </div>
        <Segmented aria-label="Level" size="sm" options={choices} value={level} onChange={setLevel} />
        <span role="status" className="ml-auto text-xs text-faint">
          {shown.length === lines.length ? formatPlural(lines.length, 'line') : `${shown.length} of ${formatPlural(lines.length, 'line')}`}
        </span>
        {isLive && !isFollowing && (
          <Button size="sm" icon={<ArrowDownToLine size={13} aria-hidden />} onClick={() => setFollowing(true)}>
            Follow
          </Button>
        )}
      </div>
      <div
        ref={box}
        role="log"
        aria-label={label}
        aria-live="off"
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a box that scrolls must be reachable by keyboard
        tabIndex={0}
        onScroll={(event) => scrolled(event.currentTarget)}
        style={{ maxHeight: height }}
        className="overflow-auto bg-sunken py-1.5 font-mono text-xs leading-5 -outline-offset-2"
      >
        {shown.map((line) => {
          const { hour, minute, second } = zonedFields(line.at, zone)
          const { word, text } = logLevels[line.level]
          return (
            <div key={line.seq} className={cx('grid grid-cols-[auto_auto_minmax(0,1fr)] gap-x-3 px-3 hover:bg-hover', isLong && '[contain-intrinsic-size:auto_1.25rem] [content-visibility:auto]')}>
              <time dateTime={new Date(line.at).toISOString()} title={formatUtc(line.at)} className="text-faint">
                {hour}:{minute}:{second}
              </time>
              <span className={cx('w-10', text)}>{word}</span>
              <span className="[overflow-wrap:anywhere] whitespace-pre-wrap">
                {line.from !== undefined && <span className="text-muted">{line.from}: </span>}
                {line.text}
              </span>
            </div>
          )
        })}
        {shown.length === 0 && <p className="px-3 font-sans text-faint">{lines.length === 0 ? 'Nothing has been logged yet.' : 'No line matches the filter.'}</p>}
      </div>
    </div>
  )
}
