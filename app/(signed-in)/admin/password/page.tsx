/** The own password. */
import { PasswordForm } from '#components/admin/password-form.tsx'

export const metadata = { title: 'Your password' }

export default function Page() {
  return <PasswordForm />
}
