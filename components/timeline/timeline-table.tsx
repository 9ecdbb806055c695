/** The timeline as a table: everything that is drawn, oldest first. */
import type { ReactNode } from 'react'
import { DataTwin } from '#components/ui/data-twin.tsx'
import { formatBytes, formatDateTime, formatDuration } from '#components/ui/format.ts'
import type { Lane, TimelineData } from './geometry.ts'
import { gapWords, levelWord } from './words.ts'

type Row = { timeline: number; what: string; from: number; to: number; note: ReactNode }

function rowsOf(lane: Lane): Row[] {
  const { timeline } = lane
  return [
    ...lane.intervals.map((interval): Row => ({ timeline, what: 'Recoverable', ...interval, note: '' })),
    ...lane.gaps.map((gap): Row => ({ timeline, what: 'Gap', from: gap.from, to: gap.to, note: gapWords(gap) })),
    ...lane.images.map((image): Row => ({ timeline, what: levelWord(image.level), from: image.beginAt, to: image.endAt, note: formatBytes(image.sizeBytes) })),
    ...lane.drills.map((drill): Row => ({ timeline, what: drill.ok ? 'Restore drill OK' : 'Restore drill failed', from: drill.coversFrom, to: drill.coversTo, note: '' })),
  ]
}

/** Folded below the picture. */
export function TimelineTable({ label, data, zone }: { label: string; data: TimelineData; zone: string }) {
  const rows = data.lanes.flatMap(rowsOf).toSorted((a, b) => a.from - b.from)
  return <DataTwin label={label} header={['What', 'Timeline', 'From', 'To', 'Length', 'Note']} rows={rows.map((row) => [row.what, row.timeline, formatDateTime(row.from, zone), formatDateTime(row.to, zone), formatDuration(row.to - row.from), row.note])} />
}
