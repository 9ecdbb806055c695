/** Said at an address that no page has. */
import { LinkButton } from '#components/ui/button.tsx'
import { EmptyState } from '#components/ui/empty-state.tsx'

/** Names what is likely and leads on. */
export function NowhereNotice() {
  return (
    <main id="main" className="mx-auto max-w-xl px-4 py-24">
      <EmptyState
        title="There is no page at this address"
        action={
          <LinkButton href="/" variant="primary">
            Go to Overview
          </LinkButton>
        }
      >
        It may have been mistyped, or the thing it showed was removed. Press Ctrl K on any page to find pages, sets, sources and hosts by name.
      </EmptyState>
    </main>
  )
}
