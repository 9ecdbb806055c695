/** The first administrator, with the token of the printed link. */
import { FirstStartForm } from '#components/session/first-start-form.tsx'

export const metadata = { title: 'First start' }

export default function Page() {
  return <FirstStartForm />
}
