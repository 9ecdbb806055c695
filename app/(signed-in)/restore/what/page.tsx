/** Restore what. */
import { WhatPage } from '#components/restore/what-page.tsx'

export const metadata = { title: 'Restore what' }

export default function Page() {
  return <WhatPage />
}
