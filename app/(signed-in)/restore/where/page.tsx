/** Restore where. */
import { WherePage } from '#components/restore/where-page.tsx'

export const metadata = { title: 'Restore where' }

export default function Page() {
  return <WherePage />
}
