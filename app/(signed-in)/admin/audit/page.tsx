/** Admin ▸ Audit. */
import { AuditList } from '#components/admin/audit-list.tsx'

export const metadata = { title: 'Audit' }

export default function Page() {
  return <AuditList />
}
