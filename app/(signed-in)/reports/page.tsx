/** Reports: what ran on which day, and its summary. */
import { RunsReport } from '#components/reports/runs-report.tsx'

export const metadata = { title: 'Reports' }

export default function Page() {
  return <RunsReport />
}
