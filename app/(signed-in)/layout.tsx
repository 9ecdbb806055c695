/** The frame around every page that needs a signed-in person. */
import type { ReactNode } from 'react'
import { SignedIn } from '#components/session/signed-in.tsx'

export default function Layout({ children }: { children: ReactNode }) {
  return <SignedIn>{children}</SignedIn>
}
