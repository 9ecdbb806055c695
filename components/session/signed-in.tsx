'use client'
/** Everything a signed-in page stands in: the gate, then the frame. */
import type { ReactNode } from 'react'
import { useSession } from '#lib/client/session.ts'
import { ConsoleFrame } from './console-frame.tsx'
import { SessionGate } from './session-gate.tsx'

/** For the layout of the signed-in pages. */
export function SignedIn({ children }: { children: ReactNode }) {
  const { user } = useSession()
  return <SessionGate>{user && <ConsoleFrame user={user}>{children}</ConsoleFrame>}</SessionGate>
}
