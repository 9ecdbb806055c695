/** Reports: what succeeded last, and what failed. */
import { HostsReport } from '#components/reports/hosts-report.tsx'

export const metadata = { title: 'Reports on hosts' }

export default function Page() {
  return <HostsReport />
}
