/** How an operation of the API is declared: route, the permission it asks for, its summary. The permission is read by the web's one guard and by the matrix test. */
import { oc } from '@orpc/contract'
import type { Permission } from '#lib/domain/role.ts'

/** `public` needs no session. */
export interface OperationMeta { permission: Permission | 'public' }

export const operation = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: `/${string}`, permission: OperationMeta['permission'], summary: string) =>
  oc.$meta<OperationMeta>({ permission }).route({ method, path, summary, inputStructure: 'compact' })

/** Header in which a page says for how many seconds its person touched nothing: what it reads by itself then does not keep the session alive. */
export const idleHeader = 'howdah-idle-seconds'
