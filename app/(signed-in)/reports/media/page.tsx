/** Reports: what takes room on a storage device, and when it goes. */
import { MediaReport } from '#components/reports/media-report.tsx'

export const metadata = { title: 'Media' }

export default function Page() {
  return <MediaReport />
}
