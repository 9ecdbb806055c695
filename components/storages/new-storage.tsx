'use client'
/** Admin ▸ Storage devices ▸ Add: the form, then on to the page of the new device where its first test runs. */
import { useRouter } from 'next/navigation'
import { PageHeader } from '#components/frame/page-header.tsx'
import { LinkButton } from '#components/ui/button.tsx'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { useSession } from '#lib/client/session.ts'
import { StorageForm } from './storage-form.tsx'

/** Only administrators see the form. */
export function NewStorage() {
  const router = useRouter()
  const { can } = useSession()
  return (
    <>
      <PageHeader crumbs={[{ label: 'Admin' }, { label: 'Storage devices', href: '/admin/storages' }, { label: 'Add' }]} title="Add a storage device" description="It is tested at once: a file is written, read back and removed." />
      {can('storage.change') ? (
        <StorageForm onAdded={(added) => router.push(`/admin/storages/${added.id}?run=${added.runId}`)} onCancel={() => router.push('/admin/storages')} />
      ) : (
        <ProblemNotice problem={{ message: 'Only administrators add storage devices', hint: 'Ask an administrator to add it, or to change your role in Admin ▸ Users.' }} actions={<LinkButton href="/admin/storages">Back to storage devices</LinkButton>} />
      )}
    </>
  )
}
