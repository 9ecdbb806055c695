/** Backup ▸ Where. */
import { WherePage } from '#components/sets/where-page.tsx'

export const metadata = { title: 'Backup where' }

export default function Page() {
  return <WherePage />
}
