/** Who may do what: roles, the permissions the contract asks for, and the one table between them. */
import * as z from 'zod'

export const roles = ['administrator', 'operator', 'monitor', 'restore-only'] as const
export const Role = z.enum(roles)
export type Role = z.infer<typeof Role>
export const roleWords = { administrator: 'Administrator', operator: 'Operator', monitor: 'Monitor', 'restore-only': 'RestoreOnly' } as const satisfies Record<Role, string>

/** `own` = only for backup sets the user owns. */
export const permissions = {
  'self': { administrator: 'all', operator: 'all', monitor: 'all', 'restore-only': 'all' },
  'read': { administrator: 'all', operator: 'all', monitor: 'all', 'restore-only': 'all' },
  'set.create': { administrator: 'all', operator: 'all', monitor: 'none', 'restore-only': 'none' },
  'set.change': { administrator: 'all', operator: 'own', monitor: 'none', 'restore-only': 'none' },
  'backup.run': { administrator: 'all', operator: 'own', monitor: 'none', 'restore-only': 'none' },
  'run.cancel': { administrator: 'all', operator: 'own', monitor: 'none', 'restore-only': 'own' },
  'restore.run': { administrator: 'all', operator: 'own', monitor: 'none', 'restore-only': 'all' },
  'image.change': { administrator: 'all', operator: 'own', monitor: 'none', 'restore-only': 'none' },
  'host.change': { administrator: 'all', operator: 'none', monitor: 'none', 'restore-only': 'none' },
  /** Writes to the device, so it is no reading; an operator may before choosing it for a set. */
  'storage.test': { administrator: 'all', operator: 'all', monitor: 'none', 'restore-only': 'none' },
  'storage.change': { administrator: 'all', operator: 'none', monitor: 'none', 'restore-only': 'none' },
  'admin': { administrator: 'all', operator: 'none', monitor: 'none', 'restore-only': 'none' },
} as const satisfies Record<string, Record<Role, 'all' | 'own' | 'none'>>
export type Permission = keyof typeof permissions

/** For RestoreOnly, `own` runs are those the user started; for Operator, those of sets the user owns. */
export function may(role: Role, permission: Permission, owns: boolean): boolean {
  const grant = permissions[permission][role]
  return grant === 'all' || (grant === 'own' && owns)
}
