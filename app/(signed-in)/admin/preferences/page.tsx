/** Admin ▸ Preferences. */
import { PreferencesPage } from '#components/admin/preferences-page.tsx'

export const metadata = { title: 'Preferences' }

export default function Page() {
  return <PreferencesPage />
}
