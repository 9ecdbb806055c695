/** One encryption key. */
import { KeyPage } from '#components/keys/key-page.tsx'

export const metadata = { title: 'Key' }

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  return <KeyPage id={(await params).id} />
}
