/** Monitor: runs, live and past. */
import { MonitorPage } from '#components/runs/monitor-page.tsx'

export const metadata = { title: 'Monitor' }

export default function Page() {
  return <MonitorPage />
}
