/** One host. */
import { HostPage } from '#components/hosts/host-page.tsx'

export const metadata = { title: 'Host' }

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  return <HostPage id={(await params).id} />
}
