/** Reports: columns, filters and time of your choice, as a table and as CSV. */
import { CustomReport } from '#components/reports/custom-report.tsx'

export const metadata = { title: 'Custom report' }

export default function Page() {
  return <CustomReport />
}
