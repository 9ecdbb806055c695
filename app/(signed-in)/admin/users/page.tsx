/** Admin ▸ Users. */
import { UserList } from '#components/admin/user-list.tsx'

export const metadata = { title: 'Users' }

export default function Page() {
  return <UserList />
}
