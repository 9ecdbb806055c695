/** Admin ▸ Hosts ▸ Add. */
import { NewHost } from '#components/hosts/new-host.tsx'

export const metadata = { title: 'Add a host' }

export default function Page() {
  return <NewHost />
}
