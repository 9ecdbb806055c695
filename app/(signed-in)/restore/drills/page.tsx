/** Restore drills of a source. */
import { DrillsPage } from '#components/drills/drills-page.tsx'

export const metadata = { title: 'Restore drills' }

export default function Page() {
  return <DrillsPage />
}
