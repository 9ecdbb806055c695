/** Apart from the jobs' schemas, which the process of a run has no use for. */
import type { Job } from './cluster.ts'

/** Jobs that a new process may go on with when the first was killed: each looks first how far that one came. */
export const resumableJobs: ReadonlySet<Job['kind']> = new Set(['recover', 'undo', 'release'])
