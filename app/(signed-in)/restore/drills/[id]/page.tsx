/** The evidence of one restore drill. */
import { DrillPage } from '#components/drills/drill-page.tsx'

export const metadata = { title: 'Restore drill' }

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  return <DrillPage id={(await params).id} />
}
