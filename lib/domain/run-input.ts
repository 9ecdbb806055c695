/** The frozen input of a run by kind: what was resolved when it was started, so that editing a set meanwhile changes nothing; never a secret. */
import * as z from 'zod'
import { FixPlan } from './check.ts'
import { DrillLook, DrillTarget } from './drill.ts'
import { DumpFormat, ExtractItem, ExtractPolicy } from './extract.ts'
import { Encryption } from './encryption.ts'
import { RecoveryPlace } from './recovery-place.ts'
import type { RunKind } from './run.ts'
import { SettingValues, settingKeys, SettingOrigin } from './settings.ts'

const Id = z.uuid()

/** A source as it was when the run was started; passwords are looked up by id when the run connects. */
export const FrozenSource = z.object({
  id: Id, name: z.string(), setId: Id, setName: z.string(), hostId: Id, hostName: z.string(), dataDirectory: z.string(), archiveDirectory: z.string(), connectionHost: z.string(), port: z.int(), user: z.string(), database: z.string(),
  passfile: z.string().nullable(), binaries: z.string().nullable(), tempDirectory: z.string().nullable(),
  settings: SettingValues, origins: z.record(z.enum(settingKeys), SettingOrigin),
  /** Null while settings ask for encryption = there was no such key: then nothing may be written. */
  encryption: Encryption.nullable().default(null),
})
export type FrozenSource = z.infer<typeof FrozenSource>

/** What a restore carries out: the plan that was shown, by its hash. */
export const FrozenPlan = z.object({
  hash: z.string(), imageId: Id, 
  /** What is unpacked: the full, then changed blocks onto it. */
  imageIds: z.array(Id),
  chain: z.array(Id), walNames: z.array(z.string()), targetText: z.string(), major: z.int(), neededBytes: z.int(), transferBytes: z.int(),
  destination: z.string(), tempDirectory: z.string().nullable(), tablespaces: z.record(z.string(), z.string()),
  /** Of an earlier copy at the destination that is rewritten where it differs; null = the destination must be new or empty. */
  deltaOf: z.string().nullable().default(null),
  /** Null = files only. */
  recoverySettings: z.record(z.string(), z.string()).nullable(), startCommand: z.string(),
  /** What follows when the copy is there; null = a person goes on from it. */
  recovery: z.object({ systemIdentifier: z.string(), place: RecoveryPlace }).nullable().default(null),
})
export type FrozenPlan = z.infer<typeof FrozenPlan>

/** Caps of a source's set, and of hosts by its settings; 0 = none. */
const Caps = z.object({ setId: Id, bandwidthBytesPerSecond: z.int(), hostBandwidthBytesPerSecond: z.int() })

/** Where a copy for a scratch server is made of what, and who may be its superuser. */
const ScratchInput = z.object({ sourceId: Id, sourceName: z.string(), hostId: Id, hostName: z.string(), folder: z.string(), binaries: z.string().nullable(), users: z.array(z.string()).min(1), workers: z.int(), bandwidth: Caps })
export type ScratchInput = z.infer<typeof ScratchInput>

export const runInputs = {
  trust: z.object({ hostId: Id }),
  deploy: z.object({ hostId: Id }),
  describe: z.object({ hostId: Id }),
  undeploy: z.object({ hostId: Id }),
  inspect: z.object({ hostId: Id, path: z.string() }),
  check: z.object({ source: FrozenSource, announceSegmentSwitch: z.boolean() }),
  estimate: z.object({ source: FrozenSource }),
  /** `shown` is what the person agreed to; the agent refuses anything else. */
  fix: z.object({ source: FrozenSource, shown: FixPlan }),
  backup: z.object({ source: FrozenSource, level: z.enum(['auto', 'full', 'incremental']), checkFirst: z.boolean(), storageId: Id, cycleDays: z.int() }),
  /** `switchFirst` completes the segment that the server writes to, so that everything committed until now comes in. */
  'collect-wal': z.object({ source: FrozenSource, storageId: Id, switchFirst: z.boolean().optional() }),
  verify: z.object({ imageId: Id }),
  restore: z.object({ sourceId: Id, sourceName: z.string(), hostId: Id, storageId: Id, plan: FrozenPlan, workers: z.int(),
    bandwidth: Caps.nullable().default(null) }),
  recover: z.object({ restoreRunId: Id, sourceId: Id, sourceName: z.string(), setId: Id.nullable(), hostId: Id, hostName: z.string(), copy: z.string(), targetText: z.string(), systemIdentifier: z.string(), major: z.int(), place: RecoveryPlace, startedBy: z.string() }),
  undo: z.object({ recoveryId: Id, hostId: Id, sourceId: Id.nullable() }),
  release: z.object({ recoveryId: Id, hostId: Id, sourceId: Id.nullable() }),
  /** Planned when it begins: a scheduled one has to fail where nothing can be restored. */
  drill: ScratchInput.extend({ target: DrillTarget, look: DrillLook }),
  /** The copy is kept for a person until nobody used it for so long. */
  extract: ScratchInput.extend({ plan: FrozenPlan, keepSeconds: z.int() }),
  /** `into` a server names a source of the same host; its password is looked up when the run connects. */
  load: z.object({
    extractRunId: Id, sourceId: Id, hostId: Id, binaries: z.string().nullable(), items: z.array(ExtractItem).min(1), withOwners: z.boolean(),
    into: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('file'), folder: z.string(), name: z.string(), format: DumpFormat }),
      z.object({ kind: z.literal('server'), target: FrozenSource, database: z.string().nullable(), policy: ExtractPolicy, suffix: z.string() }),
    ]),
  }),
  /** With `purge`: everything of these sources goes, and their rows; `removeSet` then removes the set. Else retention decides. */
  expire: z.object({ setId: Id, purge: z.array(Id).optional(), removeSet: z.boolean().optional() }),
  /** Timeline null = the newest that has WAL of this stretch. */
  'find-moment': z.object({ source: FrozenSource, from: z.iso.datetime(), to: z.iso.datetime(), timeline: z.int().positive().nullable(), minimumRows: z.int().positive() }),
  'test-storage': z.object({ storageId: Id }),
  /** `isPreview` only tells what would come. */
  adopt: z.object({ storageId: Id, isPreview: z.boolean() }),
} as const satisfies Record<RunKind, z.ZodObject>
export type RunInput<K extends RunKind> = z.infer<(typeof runInputs)[K]>
