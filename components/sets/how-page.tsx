'use client'
/** Backup ▸ How: speed, WAL, levels, limits and retries of a set. */
import type { BackupSet } from '#lib/contract/sets.ts'
import { BackupPage } from './backup-page.tsx'
import { SetSettings } from './set-settings.tsx'

export function HowPage() {
  return <BackupPage page="how">{(set: BackupSet) => <SetSettings key={set.id} set={set} page="how" />}</BackupPage>
}
