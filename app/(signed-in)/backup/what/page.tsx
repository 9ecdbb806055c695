/** Backup ▸ What. */
import { WhatPage } from '#components/sets/what-page.tsx'

export const metadata = { title: 'Backup what' }

export default function Page() {
  return <WhatPage />
}
