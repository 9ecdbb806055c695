/** An address that leads nowhere. */
import { NowhereNotice } from '#components/session/nowhere-notice.tsx'

export const metadata = { title: 'Not found' }

export default function NotFound() {
  return <NowhereNotice />
}
