// What is measured: a contestant prepares off the clock, runs on it, and tells what it stored; and what all contestants of a job share.
import type { BenchCluster } from './cluster.ts'

export interface Contestant {
  name: string
  /** Off the clock, before each run. */
  prepare(): Promise<void>
  /** On the clock: returns when all of it is done and durable. */
  run(): Promise<void>
  /** Bytes that the run left; null where it leaves nothing to compare. */
  stored(): Promise<number | null>
  /** Removes what the run left. */
  clear(): Promise<void>
}

/** A contestant for incrementals: `full` first, off the clock; each run then stores what changed since it. */
export interface IncrementalContestant extends Contestant {
  full(): Promise<void>
}

export interface Scene {
  cluster: BenchCluster
  /** A folder on the file system of the cluster, removed at the end. */
  scratch: string
  /** A second pgbackrest and newer PostgreSQL programs, in its `bin`. */
  second: string | undefined
  port: number | undefined
}

/** Volumes are written by this many workers on every side. */
export const WORKERS = 2
export const LEVEL = 3
