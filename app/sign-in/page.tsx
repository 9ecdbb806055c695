/** Signing in. */
import { SignInForm } from '#components/session/sign-in-form.tsx'

export const metadata = { title: 'Sign in' }

export default function Page() {
  return <SignInForm />
}
