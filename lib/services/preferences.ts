/** What holds for the whole console, and the record of what was done to it. */
import { describeChanges, describeSettingChanges, type ChangeLabels } from '#lib/domain/change.ts'
import { changesInWords, record } from './audit.ts'
import type { Actor, Console } from './console.ts'
import { invalid, iso } from './invalid.ts'
import { mustHaveKey } from './keys.ts'
import { mustAgree, mustFitScope, shownSettings } from './settings.ts'
import type { Input, Output } from './shapes.ts'

export async function getPreferences({ db }: Console): Promise<Output<'console', 'preferences'>> {
  const { sessionTimeoutMinutes, timeZone, overrides } = await db.preferences.findPreferences()
  return { sessionTimeoutMinutes, timeZone, settings: shownSettings({ global: overrides }) }
}

const labels: ChangeLabels<{ sessionTimeoutMinutes: number; timeZone: string }> = {
  sessionTimeoutMinutes: { label: 'Session timeout', say: (minutes) => (minutes === 0 ? 'until the browser closes' : `${minutes} min`) },
  timeZone: 'Time zone',
}
/** Said at every save of settings. */
export const keepsRuns = 'Runs now in progress keep the settings they started with.'

export async function setPreferences(console: Console, actor: Actor, input: Input<'console', 'setPreferences'>): Promise<Output<'console', 'setPreferences'>> {
  if (!isZone(input.timeZone)) throw invalid('timeZone', `${input.timeZone} is not a time zone of the IANA database`, 'Write one such as UTC or Europe/Berlin.')
  mustFitScope(input.overrides, 'global')
  const scopes = { global: input.overrides }
  mustAgree(scopes)
  await mustHaveKey(console.db, scopes)
  return console.db.transaction(async (db) => {
    const before = await db.preferences.findPreferences()
    await db.preferences.updatePreferences(input)
    const settingChanges = describeSettingChanges(before.overrides, input.overrides)
    const changes = [...describeChanges(before, input, labels), ...settingChanges]
    if (changes.length > 0) await record(db, console, actor, { action: 'console.setPreferences', subject: 'Preferences', detail: changesInWords(changes) })
    return { changes, notice: settingChanges.length > 0 ? `Holds for every set and source that does not override it. ${keepsRuns}` : null }
  })
}

function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false // Intl throws RangeError for an unknown zone: that is the answer, not a failure
  }
}

export async function listAudit({ db }: Console, _actor: Actor, input: Input<'console', 'audit'>): Promise<Output<'console', 'audit'>> {
  const [entries, broken] = await Promise.all([db.audit.listAudit(input), db.audit.findBrokenAudit()])
  return { entries: entries.map(({ seq, at, actorName, action, subject, detail, hash }) => ({ seq, at: iso(at), actorName, action, subject, detail, hash })), intact: broken === null }
}
