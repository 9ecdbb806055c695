/** Carries out one fix that a check offered and a person agreed to, then checks again. */
import { fixes } from '#lib/domain/check.ts'
import { findSource } from '#lib/db/sources.ts'
import { checkSource } from './check.ts'
import { clusterAccess } from './cluster-access.ts'
import { atHost } from './hosts.ts'
import type { Handler } from './run-loop.ts'

/** The agent checks once more before it changes anything, and waits until the server took the change in. */
const MORE_THAN_A_CHECK_MS = 20_000

export const fix: Handler<'fix'> = async context => {
  const { parts, input: { source, shown } } = context
  await context.phase('apply')
  await atHost(parts.db, source.hostId, async () => {
    const agent = await parts.pool.agent(source.hostId)
    await agent.call('fix.apply', { cluster: await clusterAccess(parts, source), shown }, { deadlineMs: source.settings.checkTimeoutSeconds * 1000 + MORE_THAN_A_CHECK_MS })
  })
  for (const statement of shown.statements) await context.say(statement)
  await context.say(shown.needsRestart ? `${fixes[shown.fix]}: done, in force when the server is restarted` : `${fixes[shown.fix]}: done`, shown.needsRestart ? 'warning' : 'info')
  await context.phase('check')
  const row = await findSource(parts.db, source.id)
  const { status } = await checkSource(parts, source, { storageId: row?.set.storageId ?? null, announceSegmentSwitch: false })
  return { fix: shown.fix, needsRestart: shown.needsRestart, status }
}
