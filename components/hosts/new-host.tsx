'use client'
/** Admin ▸ Hosts ▸ Add: the form, then on to the page of the new host where its key is being read. */
import { useRouter } from 'next/navigation'
import { PageHeader } from '#components/frame/page-header.tsx'
import { LinkButton } from '#components/ui/button.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { useSession } from '#lib/client/session.ts'
import { HostForm } from './host-form.tsx'

/** Only administrators see the form. */
export function NewHost() {
  const router = useRouter()
  const { can } = useSession()
  return (
    <>
      <PageHeader crumbs={[{ label: 'Admin' }, { label: 'Hosts', href: '/admin/hosts' }, { label: 'Add' }]} title="Add a host" description="Next you compare its key, then the agent is deployed and looks for clusters." />
      {can('host.change') ? (
        <HostForm onDone={(host, runId) => router.push(`/admin/hosts/${host.id}${runId === null ? '' : `?run=${runId}`}`)} onCancel={() => router.push('/admin/hosts')} />
      ) : (
        <ProblemNotice problem={{ message: 'Only administrators add hosts', hint: 'Ask an administrator to add it, or to change your role in Admin ▸ Users.' }} actions={<LinkButton href="/admin/hosts">Back to hosts</LinkButton>} />
      )}
    </>
  )
}
