/** One extract. */
import { SessionPage } from '#components/extract/session-page.tsx'

export const metadata = { title: 'Extract' }

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  return <SessionPage id={(await params).id} />
}
