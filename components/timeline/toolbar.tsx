'use client'
/** Moves and zooms the view, and takes a typed time. */
import { ChevronLeft, ChevronRight, Maximize2, Minus, Plus } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { fromWallClock } from '#components/ui/axis.ts'
import { Button, IconButton } from '#components/ui/button.tsx'
import { Segmented } from '#components/ui/choice.tsx'
import { TextInput } from '#components/ui/text-field.tsx'
import { pan, parseWallClock, zoom, type TimelineData, type View } from './geometry.ts'
import type { ViewControl } from './use-view.ts'

export type ToolbarProps = {
  data: TimelineData
  view: View
  isWhole: boolean
  current: { at: number; timeline: number }
  zone: string
  change: ViewControl['change']
  showAll: () => void
  onMove: (at: number, timeline?: number) => void
}

const atEdge = (isThere: boolean, side: string) => (isThere ? `This is the ${side} of what is known` : undefined)

/** Stands above the lanes. */
export function Toolbar({ data, view, isWhole, current, zone, change, showAll, onMove }: ToolbarProps) {
  return (
    <div className="mb-2 flex flex-wrap items-center gap-x-3 gap-y-2">
      <div className="-ml-2 flex items-center">
        <IconButton label="Earlier" icon={<ChevronLeft size={16} aria-hidden />} disabledReason={atEdge(view.begin <= data.begin, 'beginning')} onClick={() => change((before) => pan(before, -0.5, data))} />
        <IconButton label="Later" icon={<ChevronRight size={16} aria-hidden />} disabledReason={atEdge(view.end >= data.end, 'end')} onClick={() => change((before) => pan(before, 0.5, data))} />
        <IconButton label="Zoom in" icon={<Plus size={16} aria-hidden />} onClick={() => change((before) => zoom(before, 0.5, current.at, data))} />
        <IconButton label="Zoom out" icon={<Minus size={16} aria-hidden />} disabledReason={isWhole ? 'All is in sight' : undefined} onClick={() => change((before) => zoom(before, 2, current.at, data))} />
        <IconButton label="Show all" icon={<Maximize2 size={14} aria-hidden />} disabledReason={isWhole ? 'All is in sight' : undefined} onClick={showAll} />
      </div>
      {data.lanes.length > 1 && (
        <Segmented aria-label="PostgreSQL timeline" size="sm" value={String(current.timeline)} onChange={(value) => onMove(current.at, Number(value))} options={data.lanes.map((lane) => ({ value: String(lane.timeline), label: `Timeline ${lane.timeline}` }))} />
      )}
      <TypedTime zone={zone} onMove={onMove} />
    </div>
  )
}

function TypedTime({ zone, onMove }: { zone: string; onMove: (at: number) => void }) {
  const [text, setText] = useState('')
  const [isWrong, setWrong] = useState(false)
  const go = (event: FormEvent) => {
    event.preventDefault()
    const wall = parseWallClock(text)
    setWrong(wall === null)
    if (wall !== null) onMove(fromWallClock(wall, zone))
  }
  return (
    <form onSubmit={go} className="ml-auto flex flex-wrap items-center gap-2">
      <span role="alert" className="text-xs text-failed">
        {isWrong && 'Write it as 2026-11-18 14:03:22'}
      </span>
      <span className="w-44">
        <TextInput aria-label={`Go to a time in ${zone}`} placeholder="2026-11-18 14:03:22" aria-invalid={isWrong || undefined} value={text} onChange={(event) => setText(event.target.value)} className="h-7!" spellCheck={false} autoComplete="off" />
      </span>
      <Button type="submit" size="sm">
        Go
      </Button>
    </form>
  )
}
