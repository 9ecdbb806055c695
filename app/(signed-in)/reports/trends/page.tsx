/** Reports: sizes, ratio and durations over time. */
import { TrendsReport } from '#components/reports/trends-report.tsx'

export const metadata = { title: 'Trends' }

export default function Page() {
  return <TrendsReport />
}
