/** What the pure decisions (level, chain, window, retention, plan) know about stored images and WAL; times are milliseconds since the epoch, UTC. */
import type { Lsn } from '#lib/postgres/lsn.ts'

export interface ImageFact {
  id: string
  level: number
  baseImageId: string | null
  timeline: number
  /** Level 0: the WAL range that makes it consistent. Level n: the WAL it stands for, from its base's end. Half open. */
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
  /** When the server finished the file; no commit in it is later. */
  completedAt: number
  rawBytes: number
  storedBytes: number
  /** Content of a history file, when known: the ancestors of its timeline. */
  history?: readonly { timeline: number; switchLsn: Lsn }[]
}
