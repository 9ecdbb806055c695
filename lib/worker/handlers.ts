/** Which handler carries out which kind of run. */
import { backup } from './backup.ts'
import { adopt } from './adopt.ts'
import { check, estimate } from './check.ts'
import { collectNow } from './wal-loop.ts'
import { drill } from './drill.ts'
import { extract, load } from './extract.ts'
import { expire } from './expire.ts'
import { findMoment } from './find-moment.ts'
import { fix } from './fix.ts'
import { deployAgent, describe, inspect, trust, undeployAgent } from './host-runs.ts'
import { recover, release, undo } from './recover.ts'
import { restore } from './restore.ts'
import type { Handlers } from './run-loop.ts'
import { testStorage } from './storages.ts'
import { verify } from './verify.ts'

export const handlers: Handlers = {
  trust, deploy: deployAgent, describe, undeploy: undeployAgent, inspect, check, fix, estimate, backup, 'collect-wal': collectNow, verify, restore, recover, undo, release, drill, extract, load, expire, 'test-storage': testStorage, adopt, 'find-moment': findMoment,
}
