/** One source in depth. */
import { SourcePage } from '#components/sources/source-page.tsx'

export const metadata = { title: 'Source' }

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  return <SourcePage id={(await params).id} />
}
