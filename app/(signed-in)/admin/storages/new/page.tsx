/** Admin ▸ Storage devices ▸ Add. */
import { NewStorage } from '#components/storages/new-storage.tsx'

export const metadata = { title: 'Add a storage device' }

export default function Page() {
  return <NewStorage />
}
