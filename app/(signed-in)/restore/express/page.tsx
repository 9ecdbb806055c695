/** Express Restore. */
import { ExpressPage } from '#components/restore/express-page.tsx'

export const metadata = { title: 'Express Restore' }

export default function Page() {
  return <ExpressPage />
}
