/** Which handler carries out which kind of run. */
import { backup } from './backup.ts'
import { check, estimate } from './check.ts'
import { collectNow } from './wal-loop.ts'
import { expire } from './expire.ts'
import { deployAgent, describe, inspect, trust, undeployAgent } from './host-runs.ts'
import { restore } from './restore.ts'
import type { Handlers } from './run-loop.ts'
import { testStorage } from './storages.ts'
import { verify } from './verify.ts'

export const handlers: Handlers = {
  trust, deploy: deployAgent, describe, undeploy: undeployAgent, inspect, check, estimate, backup, 'collect-wal': collectNow, verify, restore, expire, 'test-storage': testStorage,
}
