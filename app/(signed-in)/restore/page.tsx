/** Restore: sources and what they can be brought back to. */
import { RestorePage } from '#components/restore/restore-page.tsx'

export const metadata = { title: 'Restore' }

export default function Page() {
  return <RestorePage />
}
