// Breaks one thing between every two steps of a run, and sees that nothing is lost, half visible or left behind. The steps are those that the run itself reports.
// A part of them, spread over each run, is done by `npm test`; all of them by `npm run test:faults`.
import { rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serverFolder, switchWal } from '#e2e/hosts/cluster.ts'
import type { EndedRun } from '#e2e/hosts/console.ts'
import { comesTrue, faultStage, type FaultStage } from '#e2e/hosts/fault-stage.ts'
import type { Holds, Step } from '#e2e/hosts/holds.ts'
import type { ProblemCode } from '#lib/domain/problem.ts'
import { isEnded } from '#lib/domain/run.ts'

const isAll = process.env['HOWDAH_FAULTS'] === 'all'
const HELD_LIMIT_MS = 30_000
const CASES_OF_A_CHAIN = 8
/** How long the network is away. */
const AWAY_MS = 300

/** What may be told of a run that did not end well: each is tried again by itself, or by a person who reads the hint. */
const honest: readonly ProblemCode[] = ['agent-failed', 'host-unreachable', 'timed-out', 'no-data']

/** A run that can be begun again and again, and how its result is proved. */
interface Flow {
  begin(stage: FaultStage): Promise<string>
  /** Null = what it made is restored, started and has the content of the server. */
  prove(stage: FaultStage, run: EndedRun): Promise<string | null>
  /** Something of a failed run that must not be there. */
  rest?(stage: FaultStage): string[]
  /** A connection that is cut does not end it: it goes on where it was. */
  isResumed: boolean
}

let round = 0
const change = async ({ cluster }: FaultStage): Promise<void> => {
  round += 1
  await cluster.sql(`update account set balance = balance + ${round} where id % 97 = ${round % 97}`)
}
const backup = async ({ console: it }: FaultStage, level: 'full' | 'incremental', incrementalMethod: 'wal' | 'blocks'): Promise<string> => {
  const source = await it.frozen()
  return it.begin('backup', { source: { ...source, settings: { ...source.settings, incrementalMethod } }, level, checkFirst: false, storageId: it.storageId, cycleDays: 7 })
}
const proveImage = async (stage: FaultStage, run: EndedRun): Promise<string | null> => (run.imageId === null ? 'the run says no image' : stage.proof({ target: { kind: 'latest' }, imageId: run.imageId }))

const ofImages = (level: 'full' | 'incremental', incrementalMethod: 'wal' | 'blocks') => ({
  isResumed: true,
  async begin(stage: FaultStage) {
    await change(stage)
    return backup(stage, level, incrementalMethod)
  },
  prove: proveImage,
})

let destination = ''
const flows = {
  'full backup': ofImages('full', 'wal'),
  'incremental of changed blocks': ofImages('incremental', 'blocks'),
  'incremental of WAL': ofImages('incremental', 'wal'),
  'collection of WAL': {
    isResumed: false,
    async begin(stage) {
      const { cluster, console: it } = stage
      for (let n = 0; n < 2; n += 1) {
        await change(stage)
        await switchWal(cluster)
      }
      return it.begin('collect-wal', { source: await it.frozen(), storageId: it.storageId })
    },
    prove: (stage) => stage.proof(),
  },
  restore: {
    isResumed: true,
    async begin({ console: it }) {
      if (destination !== '') await rm(destination, { recursive: true, force: true })
      destination = await serverFolder('faults')
      return (await it.beginRestore(join(destination, 'restored'))).runId
    },
    async prove(stage) {
      await stage.console.ownRestored(join(destination, 'restored'))
      return stage.sameContent(join(destination, 'restored'))
    },
    rest: () => ['data', 'archive'].map((name) => join(destination, 'restored', name)).filter((path) => existsSync(path)),
  },
} as const satisfies Record<string, Flow>

interface Fault {
  /** Where a run is held for it. */
  at(stage: FaultStage): Holds[]
  strike(stage: FaultStage, holds: Holds): Promise<void>
}

const faults = {
  'the agent’s process of the run is killed': {
    at: (stage) => [stage.agentHolds],
    async strike({ agentHolds }) {
      process.kill(await agentHolds.pid(), 'SIGKILL')
      await agentHolds.release(true)
    },
  },
  'the worker is killed': {
    at: (stage) => [stage.catalogHolds, stage.agentHolds],
    async strike(stage, holds) {
      await stage.killWorker()
      await holds.release(holds === stage.catalogHolds)
      await stage.startWorker()
    },
  },
  'the connection is cut': {
    at: (stage) => [stage.catalogHolds, stage.agentHolds],
    async strike({ proxy }, holds) {
      proxy.refuse(true)
      proxy.cut()
      await holds.release()
      await sleep(AWAY_MS)
      proxy.refuse(false)
    },
  },
} as const satisfies Record<string, Fault>

const sameStep = (one: Step) => (other: Step): boolean => one.label === other.label && one.occurrence === other.occurrence
const say = ({ label, occurrence }: Step): string => `“${label}”${occurrence > 1 ? ` (${occurrence})` : ''}`

/** The least of them is a part of the others, and left to the time when all are done. */
const wanted: Record<string, Flow> = Object.fromEntries(Object.entries<Flow>(flows).filter(([name]) => isAll || name !== 'incremental of WAL'))

describe.skipIf(process.getuid?.() !== 0).each(Object.entries(wanted))('a %s', (name, flow) => {
  let stage: FaultStage
  const steps = new Map<Holds, Step[]>()
  /** All sides of a failure at once: what the run said, and what is wrong after it. */
  const wrongWith = async (run: EndedRun, what: string[]): Promise<string[]> => (what.length === 0 ? [] : [...what, `the run: ${run.state} ${run.problemMessage ?? ''} | ${(await stage.console.texts(run.id)).join(' | ')}`])

  /** A run to its end with nothing done to it; what is wrong after it. */
  const undisturbed = async (): Promise<string[]> => {
    const run = await stage.console.ended(await flow.begin(stage))
    return wrongWith(run, [...(run.state === 'succeeded' ? [] : [`it ended ${run.state}`]), ...(await stage.wounds())])
  }

  beforeAll(async () => {
    stage = await faultStage({ levelRule: 'since-full' })
    if (name !== 'full backup') expect(await stage.console.backup('full')).toMatchObject({ state: 'succeeded' })
    // Steps that only some runs have (waiting a moment, say) are no place to stop at: those of two runs are.
    for (const holds of [stage.agentHolds, stage.catalogHolds]) steps.set(holds, [])
    for (let n = 0; n < 2; n += 1) {
      await Promise.all([stage.agentHolds.clear(), stage.catalogHolds.clear()])
      expect(await undisturbed()).toEqual([])
      for (const [holds, before] of steps) {
        const seen = await holds.seen()
        steps.set(holds, n === 0 ? seen : before.filter((step) => seen.some(sameStep(step))))
      }
    }
    if (isAll) process.stdout.write(`${[...steps.values()].map((list) => `${name}: ${list.length} steps: ${list.map(say).join(', ')}`).join('\n')}\n`)
  })
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]()
    if (destination !== '') await rm(destination, { recursive: true, force: true })
    destination = ''
  })

  const broken = async (fault: Fault, holds: Holds, step: Step): Promise<string[]> => {
    await Promise.all([stage.agentHolds.clear(), stage.catalogHolds.clear()])
    await holds.arm(step)
    const runId = await flow.begin(stage)
    const hasEnded = async (): Promise<boolean> => isEnded((await stage.console.db.run.findUniqueOrThrow({ where: { id: runId } })).state)
    let isHeld = false
    await comesTrue(async () => (isHeld = await holds.isHeld()) || (await hasEnded()), HELD_LIMIT_MS)
    if (!isHeld) {
      await holds.release()
      return wrongWith(await stage.console.ended(runId), ['it never came to this step'])
    }
    await fault.strike(stage, holds)
    const run = await stage.console.ended(runId)
    const isGood = run.state === 'succeeded'
    const isHonest = run.state === 'failed' && honest.some((code) => code === run.problemCode) && run.problemHint !== null
    // Before it began on the host, a host that is away is the result: told, and tried again.
    const texts = await stage.console.texts(runId)
    const hasBegun = texts.includes('phase begin') || texts.filter((text) => text === 'phase check').length > 1
    const mayFail = fault === faults['the agent’s process of the run is killed'] || !flow.isResumed || !hasBegun
    const wrong = [
      ...(isGood || (isHonest && mayFail) ? [] : [`it ended ${run.state}`]),
      ...(isGood ? [] : (flow.rest?.(stage) ?? []).map((path) => `${path} is there though the run failed`)),
      ...(await stage.wounds()),
    ]
    const isProved = isAll || fault === faults['the worker is killed']
    const proof = isGood && isProved ? await flow.prove(stage, run) : null
    if (proof !== null) wrong.push(proof)
    return [...(await wrongWith(run, wrong)), ...(await undisturbed()).map((text) => `the next run: ${text}`)]
  }

  /** All, or one that is another one in each flow and for each fault. */
  const chosen = <T>(all: readonly T[], turn: number): T[] => (isAll ? [...all] : all.slice(Math.floor((all.length * ((3 * Object.keys(wanted).indexOf(name) + 5 * turn + 4) % 11)) / 11)).slice(0, 1))
  test.each(Object.entries<Fault>(faults))('between any two steps of which %s leaves nothing lost, half visible or behind, and the next one is fine [D3] [F1] [M6] [M11] [J8]', { timeout: 3_600_000 }, async (faultName, fault) => {
    const failures: string[] = []
    let cases = 0
    for (const { holds, step } of chosen(fault.at(stage).flatMap((holds) => (steps.get(holds) ?? []).map((step) => ({ holds, step }))), Object.values<Fault>(faults).indexOf(fault))) {
      // Each run writes WAL that every later one carries along, and every proof replays.
      if (cases % CASES_OF_A_CHAIN === CASES_OF_A_CHAIN - 1 && name !== 'full backup') expect(await stage.console.backup('full')).toMatchObject({ state: 'succeeded' })
      cases += 1
      const wrong = await broken(fault, holds, step)
      if (isAll) process.stdout.write(`${name}, ${faultName}, ${say(step)}: ${wrong.length === 0 ? 'fine' : wrong.join('\n  ')}\n`)
      if (wrong.length > 0) failures.push(`${say(step)}: ${wrong.join('\n  ')}`)
    }
    expect(failures).toEqual([])
    // Runs that the agent has no part in have no process there to be killed.
    if (fault !== faults['the agent’s process of the run is killed'] || name === 'full backup') expect(cases).toBeGreaterThan(0)
  })
})
