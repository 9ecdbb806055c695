/** Backup: the list of backup sets. */
import { SetsPage } from '#components/sets/sets-page.tsx'

export const metadata = { title: 'Backup sets' }

export default function Page() {
  return <SetsPage />
}
