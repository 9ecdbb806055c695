// A newer console finds an older agent at work: it upgrades it, the run of the older one ends as its own, and the newer one serves from then on.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildAgent } from '#agent/build.ts'
import { AGENT_VERSION } from '#agent/version.ts'
import { noiseTable } from '#e2e/hosts/cluster.ts'
import { faultStage, type FaultStage } from '#e2e/hosts/fault-stage.ts'
import { openLog } from '#lib/platform/log.ts'
import { run as command } from '#lib/platform/process.mjs'
import type { AgentFile } from '#lib/agents/deploy.ts'
import { ownRuntime } from './agent-file.ts'
import { runWorker } from './start.ts'

const NEWER = '99.0.0'

describe.skipIf(process.getuid?.() !== 0)('an agent that is older than its console', () => {
  let stage: FaultStage
  let newer: AgentFile
  let stop = new AbortController()
  let ended: Promise<void> = Promise.resolve()
  beforeAll(async () => {
    stage = await faultStage({})
    await stage.cluster.sql(noiseTable('noise', 4))
    const { content: old } = await buildAgent()
    const content = Buffer.from(old.toString().replaceAll(`"${AGENT_VERSION}"`, `"${NEWER}"`))
    newer = { content, sha256: createHash('sha256').update(content).digest('hex'), version: NEWER }
    expect(content.equals(old)).toBe(false)
  })
  afterAll(async () => {
    stop.abort()
    await ended
    await stage?.[Symbol.asyncDispose]()
  })
  const startNewer = (): void => {
    stop = new AbortController()
    ended = runWorker({ databaseUrl: stage.databaseUrl, home: stage.console.home, masterKey: undefined, version: NEWER, log: openLog('worker', 'error'), agentFile: newer, runtime: ownRuntime }, stop.signal)
  }
  /** The highest level keeps the writers busy for seconds. */
  const beginFull = async (how: 'slow' | 'fast'): Promise<string> => {
    const { console: it } = stage
    const source = await it.frozen()
    const settings = how === 'slow' ? { ...source.settings, compression: 'level' as const, compressionLevel: 19 } : source.settings
    return it.begin('backup', { source: { ...source, settings }, level: 'full', checkFirst: false, storageId: it.storageId, cycleDays: 7 })
  }
  const processes = async (): Promise<string> => (await command({ argv: ['pgrep', '-af', `agent-[0-9a-f]*.mjs run ${stage.sshd.home}`] })).stdout
  const agents = async (): Promise<string[]> => (await readdir(join(stage.sshd.home, '.howdah-agent'))).filter((name) => name.startsWith('agent-')).toSorted()

  test('is upgraded while its run goes on: that run ends on the old one, followed by the new one, and the next run is the new one’s [A4] [D3]', async () => {
    const { console: it } = stage
    const before = await it.db.host.findUniqueOrThrow({ where: { id: it.hostId } })
    expect(before.agentVersion).toBe(AGENT_VERSION)
    const runId = await beginFull('slow')
    await expect.poll(() => it.texts(runId), { timeout: 30_000, interval: 20 }).toContain('phase copy')
    await stage.killWorker()
    expect(await processes()).toContain(before.agentSha256)
    startNewer()
    await expect.poll(async () => (await it.db.host.findUniqueOrThrow({ where: { id: it.hostId } })).agentVersion, { timeout: 60_000 }).toBe(NEWER)
    // The run of the old one lives on, from its own file.
    expect(await processes()).toContain(before.agentSha256)
    expect(await agents()).toEqual([`agent-${before.agentSha256}.mjs`, `agent-${newer.sha256}.mjs`].toSorted())
    const run = await it.ended(runId)
    const texts = await it.texts(runId)
    expect(run, texts.join('\n')).toMatchObject({ state: 'succeeded', attempt: 1, claim: 2 })
    expect(texts.filter((text) => text === 'phase begin')).toHaveLength(1)
    expect(await stage.wounds()).toEqual([])
    expect(await stage.proof({ target: { kind: 'latest' }, imageId: run.imageId ?? '' })).toBeNull()

    const next = await beginFull('fast')
    await expect.poll(processes, { timeout: 30_000, interval: 20 }).toContain(newer.sha256)
    expect(await it.ended(next)).toMatchObject({ state: 'succeeded' })
    const [image] = await it.db.image.findMany({ orderBy: { endAt: 'desc' }, take: 1 })
    expect(await readFile(join(it.storageRoot, image?.path ?? '', 'image.json'), 'utf8')).toContain(`"agentVersion": "${NEWER}"`)
  })

  test('a console that is older than the agent of a host leaves it as it is [A4]', async () => {
    stop.abort()
    await ended
    await stage.startWorker()
    const { console: it } = stage
    expect(await it.backup('full')).toMatchObject({ state: 'succeeded' })
    expect(await it.db.host.findUniqueOrThrow({ where: { id: it.hostId } })).toMatchObject({ agentVersion: NEWER, agentSha256: newer.sha256 })
  })

  test('an upgrade that is not possible leaves the older agent at work [A4] [A8]', async () => {
    const { console: it } = stage
    await stage.killWorker()
    const folder = join(stage.sshd.home, '.howdah-agent')
    await it.db.host.update({ where: { id: it.hostId }, data: { agentVersion: '0.0.1' } })
    newer = { content: Buffer.concat([newer.content, Buffer.from('\n')]), sha256: '0'.repeat(64), version: NEWER }
    startNewer()
    expect(await it.backup('full')).toMatchObject({ state: 'succeeded' })
    expect((await it.db.host.findUniqueOrThrow({ where: { id: it.hostId } })).agentVersion).toBe('0.0.1')
    expect((await readdir(folder)).filter((name) => name.includes('0'.repeat(64)))).toEqual([])
  })
})
