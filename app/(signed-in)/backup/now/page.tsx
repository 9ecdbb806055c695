/** Backup ▸ Now. */
import { NowPage } from '#components/sets/now-page.tsx'

export const metadata = { title: 'Backup now' }

export default function Page() {
  return <NowPage />
}
