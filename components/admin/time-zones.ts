/** The time zones a person can choose from: those the browser knows, UTC first. */

export interface ZoneOption { value: string; label: string; description: string }

/** Every zone with its distance from UTC at `at` (ms), such as "Europe/Berlin, UTC+1". */
export function zoneOptions(at: number): ZoneOption[] {
  const names = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')]
  return names.map((zone) => ({ value: zone, label: zone, description: offset(zone, at) }))
}

function offset(zone: string, at: number): string {
  const parts = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'shortOffset' }).formatToParts(at)
  return (parts.find((part) => part.type === 'timeZoneName')?.value ?? 'UTC').replace('GMT', 'UTC')
}
