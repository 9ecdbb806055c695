/** What the cursor stands on: the moment, whether it can be reached, why not, and the way to the nearest that can. */
import { Button } from '#components/ui/button.tsx'
import { formatDateTime, formatDuration } from '#components/ui/format.ts'
import { StateShape } from '#components/ui/state-mark.tsx'
import { fullBefore, placeOf, type Lane } from './geometry.ts'
import { imageWords, nearestChoices, reasonWords } from './words.ts'

/** Stands below the lanes; changes as the cursor moves (the slider reads it out). */
export function ReadOut({ at, lane, zone, detail, onMove }: { at: number; lane: Lane; zone: string; detail: string | null; onMove: (at: number) => void }) {
  const reason = reasonWords(placeOf(at, lane), lane, zone)
  const full = fullBefore(at, lane)
  return (
    <div className="flex min-h-11 flex-wrap items-center gap-x-3 gap-y-1.5 border-t border-line px-3 py-2">
      <span className="inline-flex items-center gap-2">
        <StateShape state={reason === null ? 'ok' : 'failed'} />
        <span className="font-semibold whitespace-nowrap tabular-nums">{formatDateTime(at, zone)}</span>
      </span>
      {reason === null ? (
        <span className="text-muted">
          Recoverable{full && ` · newest full before it: ${imageWords(full, zone)}`}
          {detail !== null && ` · ${detail}`}
        </span>
      ) : (
        <>
          <span className="[overflow-wrap:anywhere]">
            <span className="font-medium text-failed">Not recoverable.</span> <span className="text-muted">{reason}.</span>
          </span>
          {nearestChoices(at, lane).map((choice) => (
            <Button key={choice.side} size="sm" onClick={() => onMove(choice.at)}>
              Go {formatDuration(Math.abs(choice.at - at))} {choice.side === 'before' ? 'back' : 'forward'}
            </Button>
          ))}
        </>
      )}
    </div>
  )
}
