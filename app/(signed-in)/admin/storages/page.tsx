/** Admin ▸ Storage devices. */
import { StorageList } from '#components/storages/storage-list.tsx'

export const metadata = { title: 'Storage devices' }

export default function Page() {
  return <StorageList />
}
