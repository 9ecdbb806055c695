/** Reports: what was verified, when, and what was found. */
import { IntegrityReport } from '#components/reports/integrity-report.tsx'

export const metadata = { title: 'Integrity' }

export default function Page() {
  return <IntegrityReport />
}
