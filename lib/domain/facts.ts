/** What the pure decisions (level, chain, window, retention, plan) know about stored images and WAL; times are milliseconds since the epoch, UTC. */
import type { Lsn } from '#lib/postgres/lsn.ts'

export interface ImageFact {
  id: string
  level: number
  baseImageId: string | null
  timeline: number
  /** It holds files, not WAL alone: the whole data directory, or what changed of it since its base began. */
  hasData: boolean
  /** Size of the data directory it restores to; 0 for WAL alone. */
  clusterBytes: number
  /** Of an image with files: the WAL range that makes it consistent. Of WAL alone: what it stands for, from its base's end. Half open. */
  beginLsn: Lsn
  endLsn: Lsn
  beginAt: number
  endAt: number
  systemIdentifier: string
  segmentSizeBytes: number
  rawBytes: number
  storedBytes: number
  noChanges: boolean
  isHeld: boolean
  verifiedAt: number | null
}

export interface WalFact {
  name: string
  kind: 'segment' | 'partial' | 'history'
  timeline: number
  /** Null for history files. */
  beginLsn: Lsn | null
  endLsn: Lsn | null
  /** When the server finished the file, as far as its host told; else when it lay in the archive. No commit in it is later. */
  completedAt: number
  /** The newest end of a transaction in it; null where there is none, or none is known: recovery to an earlier moment stops in it at the latest. */
  lastCommitAt: number | null
  rawBytes: number
  storedBytes: number
  /** Content of a history file, when known: the ancestors of its timeline. */
  history?: readonly { timeline: number; switchLsn: Lsn }[]
}
