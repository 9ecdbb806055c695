/** The table behind a picture: the same numbers for those who read rather than look. */
import type { ReactNode } from 'react'

export type DataTwinProps = { label: string; header: readonly string[]; rows: readonly (readonly ReactNode[])[] }

/** A folded table that says in text what the picture above it shows. */
export function DataTwin({ label, header, rows }: DataTwinProps) {
  return (
    <details className="mt-2">
      <summary className="inline-block rounded-sm text-xs text-muted hover:text-ink hover:underline">Show as table</summary>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a box that scrolls must be reachable by keyboard */}
      <div role="region" aria-label={label} tabIndex={0} className="mt-2 max-h-72 overflow-auto rounded-md border border-line">
        <table className="w-full text-left text-xs tabular-nums">
          <caption className="sr-only">{label}</caption>
          <thead>
            <tr>
              {header.map((title) => (
                <th key={title} scope="col" className="sticky top-0 border-b border-line bg-sunken px-3 py-1.5 font-medium whitespace-nowrap text-muted">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, index) => (
              <tr key={index}>
                {row.map((value, column) => (
                  <td key={column} className="border-b border-line px-3 py-1 whitespace-nowrap">
                    {value}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  )
}
