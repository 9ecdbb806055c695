/** Backup ▸ When. */
import { WhenPage } from '#components/sets/when-page.tsx'

export const metadata = { title: 'Backup when' }

export default function Page() {
  return <WhenPage />
}
