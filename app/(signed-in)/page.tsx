/** Overview: am I safe? */
import { OverviewPage } from '#components/overview/overview-page.tsx'

export const metadata = { title: 'Overview' }

export default function Page() {
  return <OverviewPage />
}
