/** What a run is and what may happen to it, as data: the pages disable buttons from it, the services enforce it, the tests enumerate it. */
import * as z from 'zod'

export const runStates = ['queued', 'running', 'cancelling', 'succeeded', 'strange', 'failed', 'cancelled'] as const
export const RunState = z.enum(runStates)
export type RunState = z.infer<typeof RunState>

/** Phases of each kind, in their order; `subject` is what the run acts on and what is serialised per key. */
export const runKinds = {
  trust: { label: 'Read host key', phases: ['connect'], subject: 'host' },
  deploy: { label: 'Deploy agent', phases: ['connect', 'copy', 'start', 'describe'], subject: 'host' },
  describe: { label: 'Describe host', phases: ['connect', 'describe'], subject: 'host' },
  undeploy: { label: 'Remove agent', phases: ['connect', 'remove'], subject: 'host' },
  check: { label: 'Check', phases: ['check'], subject: 'source' },
  estimate: { label: 'Estimate', phases: ['estimate'], subject: 'source' },
  backup: { label: 'Backup', phases: ['check', 'estimate', 'begin', 'copy', 'end', 'wal', 'publish'], subject: 'source' },
  'collect-wal': { label: 'Collect WAL', phases: ['wal'], subject: 'source' },
  verify: { label: 'Verify', phases: ['verify'], subject: 'image' },
  restore: { label: 'Restore', phases: ['check', 'compare', 'copy', 'wal', 'verify', 'publish'], subject: 'source' },
  recover: { label: 'Complete the recovery', phases: ['check', 'stop', 'safeguard', 'place', 'replay', 'accept', 'open'], subject: 'host' },
  undo: { label: 'Undo a recovery', phases: ['check', 'stop', 'swap', 'start'], subject: 'host' },
  release: { label: 'Release what was set aside', phases: ['check', 'remove'], subject: 'host' },
  drill: { label: 'Restore drill', phases: ['check', 'copy', 'wal', 'verify', 'publish', 'start', 'replay', 'test', 'remove', 'judge'], subject: 'source' },
  /** Keeps its scratch server open until it is stopped. */
  extract: { label: 'Extract', phases: ['check', 'copy', 'wal', 'verify', 'publish', 'start', 'replay', 'open'], subject: 'source' },
  load: { label: 'Load from an extract', phases: ['check', 'dump', 'load', 'verify'], subject: 'source' },
  expire: { label: 'Expire', phases: ['expire'], subject: 'set' },
  'test-storage': { label: 'Test storage', phases: ['test'], subject: 'storage' },
  adopt: { label: 'Adopt what is stored', phases: ['verify', 'wal'], subject: 'storage' },
  inspect: { label: 'Inspect directory', phases: ['inspect'], subject: 'host' },
  'find-moment': { label: 'Find the moment', phases: ['wal'], subject: 'source' },
  fix: { label: 'Apply fix', phases: ['apply', 'check'], subject: 'source' },
} as const satisfies Record<string, { label: string; phases: readonly string[]; subject: 'host' | 'source' | 'image' | 'set' | 'storage' }>
export type RunKind = keyof typeof runKinds
export const RunKind = z.enum(Object.keys(runKinds) as [RunKind, ...RunKind[]])
export type RunPhase = (typeof runKinds)[RunKind]['phases'][number]
export const runPhases = [...new Set(Object.values(runKinds).flatMap(kind => [...kind.phases]))] as [RunPhase, ...RunPhase[]]
export const RunPhase = z.enum(runPhases)

const actions = {
  start: ['queued'],
  cancel: ['queued', 'running'],
  follow: ['running', 'cancelling'],
  retry: ['failed', 'cancelled'],
  end: ['running', 'cancelling'],
} as const satisfies Record<string, readonly RunState[]>
export type RunAction = keyof typeof actions

export const runCan = (action: RunAction, run: { state: RunState }): boolean => (actions[action] as readonly RunState[]).includes(run.state)
export const statesFor = (action: RunAction): readonly RunState[] => actions[action]
export const isEnded = (state: RunState): boolean => endedStates.includes(state)
export const endedStates: readonly RunState[] = ['succeeded', 'strange', 'failed', 'cancelled']

/** Word on screen for each state. Strange = restorable, with something unexpected seen. */
export const runStateWords = {
  queued: 'Waiting', running: 'Running', cancelling: 'Stopping', succeeded: 'OK', strange: 'Strange', failed: 'Failed', cancelled: 'Cancelled',
} as const satisfies Record<RunState, string>

/** State of a group of runs started together: still going if any is, else the worst outcome. */
export function groupState(states: readonly RunState[]): RunState {
  const order: readonly RunState[] = ['running', 'cancelling', 'queued', 'failed', 'cancelled', 'strange', 'succeeded']
  return order.find(state => states.includes(state)) ?? 'queued'
}
