/** Backup ▸ How. */
import { HowPage } from '#components/sets/how-page.tsx'

export const metadata = { title: 'Backup how' }

export default function Page() {
  return <HowPage />
}
