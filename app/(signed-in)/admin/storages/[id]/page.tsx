/** One storage device. */
import { StoragePage } from '#components/storages/storage-page.tsx'

export const metadata = { title: 'Storage device' }

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  return <StoragePage id={(await params).id} />
}
