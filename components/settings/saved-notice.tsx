/** What a save changed, in the words of the API, and whom it affects. */
import { StateShape } from '#components/ui/state-mark.tsx'

export interface SavedLike { changes: readonly { field: string; before: string; after: string }[]; notice: string | null }

/** "Saved: Workers per backup 2 → 4. Runs now in progress keep their settings." */
export function SavedNotice({ saved }: { saved: SavedLike }) {
  return (
    <div role="status" className="rounded-md border border-line bg-sunken px-3 py-2.5">
      <p className="flex items-center gap-2 font-medium">
        <StateShape state="ok" />
        {saved.changes.length === 0 ? 'Saved; nothing was different' : 'Saved'}
      </p>
      {saved.changes.length > 0 && <ChangeList changes={saved.changes} />}
      {saved.notice !== null && <p className="mt-1.5 text-muted">{saved.notice}</p>}
    </div>
  )
}

/** A diff in words, one line each. */
export function ChangeList({ changes }: { changes: SavedLike['changes'] }) {
  return (
    <ul className="mt-1 space-y-0.5">
      {changes.map((change) => (
        <li key={change.field} className="[overflow-wrap:anywhere]">
          <span className="text-muted">{change.field}: </span>
          <del className="text-faint">
            <span className="sr-only">was </span>
            {change.before}
          </del>
          <span aria-hidden> → </span>
          <ins className="no-underline">
            <span className="sr-only"> becomes </span>
            {change.after}
          </ins>
        </li>
      ))}
    </ul>
  )
}
