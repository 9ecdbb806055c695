/** Admin ▸ API tokens. */
import { TokenList } from '#components/admin/token-list.tsx'

export const metadata = { title: 'API tokens' }

export default function Page() {
  return <TokenList />
}
