/** What the signs of the timeline mean; only those that occur. */
import { BadgeCheck } from 'lucide-react'
import type { ReactNode } from 'react'
import { shadedWindows, type TimelineData } from './geometry.ts'

const signs: readonly { word: string; sign: ReactNode; occurs: (data: TimelineData) => boolean }[] = [
  { word: 'Recoverable', sign: <span className="h-2 w-4 rounded-[2px] bg-accent" />, occurs: (data) => data.lanes.some((lane) => lane.intervals.length > 0) },
  { word: 'Gap', sign: <span className="hatch h-2.5 w-4 rounded-[2px] border border-failed text-failed" />, occurs: (data) => data.lanes.some((lane) => lane.gaps.length > 0) },
  { word: 'Full', sign: <span className="h-3.5 w-[3px] rounded-[1px] bg-ink" />, occurs: (data) => data.lanes.some((lane) => lane.images.some((image) => image.level === 0)) },
  { word: 'Incremental', sign: <span className="h-2.5 w-[2px] rounded-[1px] bg-muted" />, occurs: (data) => data.lanes.some((lane) => lane.images.some((image) => image.level > 0)) },
  { word: 'While a full was taken', sign: <span className="h-3 w-4 bg-pressed" />, occurs: (data) => data.lanes.some((lane) => shadedWindows(lane).length > 0) },
  { word: 'Restore drill', sign: <BadgeCheck size={13} className="text-ok" />, occurs: (data) => data.lanes.some((lane) => lane.drills.length > 0) },
  { word: 'Goes by retention', sign: <span className="h-3 w-4 border-r border-dashed border-strange bg-strange-tint" />, occurs: (data) => data.retentionCut !== undefined },
]

/** Stands below the lanes. */
export function Legend({ data }: { data: TimelineData }) {
  return (
    <ul className="flex flex-wrap gap-x-4 gap-y-1 text-2xs text-muted">
      {signs
        .filter((entry) => entry.occurs(data))
        .map((entry) => (
          <li key={entry.word} className="inline-flex items-center gap-1.5">
            <span aria-hidden className="inline-flex items-center">
              {entry.sign}
            </span>
            {entry.word}
          </li>
        ))}
    </ul>
  )
}
