/** What each role may do, in a sentence for the person who gives it. */
import { roles, roleWords, type Role } from '#lib/domain/role.ts'

export const roleDescriptions = {
  administrator: 'Everything: hosts, storage devices, users, and all backup sets.',
  operator: 'Makes backup sets and runs, changes and restores those it owns. Sees all.',
  monitor: 'Sees everything and changes nothing.',
  'restore-only': 'Sees everything, plans and runs restores, and nothing else.',
} as const satisfies Record<Role, string>

export const roleOptions = roles.map((role) => ({ value: role, label: roleWords[role], description: roleDescriptions[role] }))
