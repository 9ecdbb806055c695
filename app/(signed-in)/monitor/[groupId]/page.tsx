/** Runs that were started together, in depth. */
import { GroupPage } from '#components/runs/group-page.tsx'

export const metadata = { title: 'Run' }

export default async function Page({ params }: { params: Promise<{ groupId: string }> }) {
  return <GroupPage id={(await params).groupId} />
}
