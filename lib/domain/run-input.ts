/** The frozen input of a run by kind: what was resolved when it was started, so that editing a set meanwhile changes nothing; never a secret. */
import { z } from 'zod'
import type { RunKind } from './run.ts'
import { SettingValues, settingKeys, SettingOrigin } from './settings.ts'

const Id = z.uuid()

/** A source as it was when the run was started; passwords are looked up by id when the run connects. */
export const FrozenSource = z.object({
  id: Id, name: z.string(), setId: Id, setName: z.string(), hostId: Id, hostName: z.string(), dataDirectory: z.string(), archiveDirectory: z.string(), connectionHost: z.string(), port: z.int(), user: z.string(), database: z.string(),
  passfile: z.string().nullable(), binaries: z.string().nullable(), tempDirectory: z.string().nullable(),
  settings: SettingValues, origins: z.record(z.enum(settingKeys), SettingOrigin),
})
export type FrozenSource = z.infer<typeof FrozenSource>

/** What a restore carries out: the plan that was shown, by its hash. */
export const FrozenPlan = z.object({
  hash: z.string(), imageId: Id, chain: z.array(Id), walNames: z.array(z.string()), targetText: z.string(), major: z.int(), neededBytes: z.int(), transferBytes: z.int(),
  destination: z.string(), tempDirectory: z.string().nullable(), tablespaces: z.record(z.string(), z.string()),
  /** Null = files only. */
  recoverySettings: z.record(z.string(), z.string()).nullable(), startCommand: z.string(),
})
export type FrozenPlan = z.infer<typeof FrozenPlan>

export const runInputs = {
  trust: z.object({ hostId: Id }),
  deploy: z.object({ hostId: Id }),
  describe: z.object({ hostId: Id }),
  undeploy: z.object({ hostId: Id }),
  inspect: z.object({ hostId: Id, path: z.string() }),
  check: z.object({ source: FrozenSource, announceSegmentSwitch: z.boolean() }),
  estimate: z.object({ source: FrozenSource }),
  backup: z.object({ source: FrozenSource, level: z.enum(['auto', 'full', 'incremental']), checkFirst: z.boolean(), storageId: Id, cycleDays: z.int() }),
  'collect-wal': z.object({ source: FrozenSource, storageId: Id }),
  verify: z.object({ imageId: Id }),
  restore: z.object({ sourceId: Id, sourceName: z.string(), hostId: Id, storageId: Id, plan: FrozenPlan, workers: z.int() }),
  /** With `purge`: everything of these sources goes, and their rows; `removeSet` then removes the set. Else retention decides. */
  expire: z.object({ setId: Id, purge: z.array(Id).optional(), removeSet: z.boolean().optional() }),
  'test-storage': z.object({ storageId: Id }),
} as const satisfies Record<RunKind, z.ZodObject>
export type RunInput<K extends RunKind> = z.infer<(typeof runInputs)[K]>
