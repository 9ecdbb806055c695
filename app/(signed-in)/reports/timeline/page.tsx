/** Reports: what ran when, and how long each phase took. */
import { TimelineReport } from '#components/reports/timeline-report.tsx'

export const metadata = { title: 'Timeline' }

export default function Page() {
  return <TimelineReport />
}
