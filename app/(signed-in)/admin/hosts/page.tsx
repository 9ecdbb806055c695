/** Admin ▸ Hosts. */
import { HostList } from '#components/hosts/host-list.tsx'

export const metadata = { title: 'Hosts' }

export default function Page() {
  return <HostList />
}
