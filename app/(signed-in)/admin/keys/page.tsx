/** Admin ▸ Keys. */
import { KeyList } from '#components/keys/key-list.tsx'

export const metadata = { title: 'Keys' }

export default function Page() {
  return <KeyList />
}
