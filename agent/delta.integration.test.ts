// A restore onto an earlier copy: only what differs is fetched and written, whatever became of the copy meanwhile, and nothing half-written is called data.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accessTo, changedBackup, destinationIn, fullBackup, newRunId, runRestore, startAgent, type StoredBackup, type TestAgent } from '#e2e/hosts/agent.ts'
import { type Cluster, serverFolder, startCluster, startRestored, startServer } from '#e2e/hosts/cluster.ts'
import { beginHistory, contentOf, steps } from '#e2e/hosts/history.ts'
import { majorsToTest } from '#e2e/hosts/majors.ts'
import type { RunEvent } from '#lib/domain/event.ts'
import { recoverySettings } from '#lib/postgres/recovery.ts'

const toTheEnd = (archive: string): Record<string, string> =>
  Object.fromEntries(recoverySettings({ target: { kind: 'latest' }, isInclusive: true, timeline: 'latest', action: 'promote', restoreCommand: `cp ${archive}/%f "%p"` }).map(({ name, value }) => [name, value]))

const needed = (events: readonly RunEvent[]): string[] => events.flatMap(({ body }) => (body.kind === 'need' ? [body.name] : []))
const said = (events: readonly RunEvent[]): string => events.flatMap(({ body }) => (body.kind === 'log' ? [body.text] : [])).join('\n')

/** By path, with their digests; but the manifest names the time at which tablespace_map was written for the copy. */
async function filesBelow(directory: string): Promise<Map<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && entry.name !== 'backup_manifest').map((entry) => join(entry.parentPath, entry.name))
  return new Map(await Promise.all(files.map(async (path) => [path.slice(directory.length), createHash('sha256').update(await readFile(path)).digest('hex')] as const)))
}

async function flip(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, at)
  await file.close()
}

describe.each(majorsToTest([18]))('an earlier copy of PostgreSQL %i', (major) => {
  let cluster: Cluster
  let agent: TestAgent
  let full: StoredBackup
  let changed: StoredBackup
  const wanted: { full: Record<string, string>; changed: Record<string, string> } = { full: {}, changed: {} }
  let folder = ''

  beforeAll(async () => {
    cluster = await startCluster({ major, checksums: true })
    agent = await startAgent()
    folder = await serverFolder('delta')
    await beginHistory(cluster)
    full = await fullBackup(agent, accessTo(cluster))
    wanted.full = await contentOf(cluster)
    for (const [index, step] of steps.entries()) await step(cluster, 10 + index)
    changed = await changedBackup(agent, accessTo(cluster), full)
    wanted.changed = await contentOf(cluster)
  })
  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]()
    await cluster?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  const place = (name: string): Promise<string> => destinationIn(folder, name)
  const restore = async (stored: StoredBackup, destination: string, isDelta = true) => runRestore(agent, stored, { destination, recovery: { settings: toTheEnd(`${destination}/archive`) }, ...(isDelta ? { delta: { systemIdentifier: stored.result.systemIdentifier } } : {}) })
  /** Starts the copy, compares, does what is asked, and stops it again. */
  const expectContent = async (destination: string, content: Record<string, string>, work?: (sql: (text: string) => Promise<unknown>) => Promise<unknown>): Promise<void> => {
    await using server = await startRestored({ major, dataDirectory: join(destination, 'data') })
    expect(await contentOf(server)).toEqual(content)
    await work?.((text) => server.sql(text))
  }

  test('nothing differs but what a restore adapts to its place: one volume is fetched for that, hardly anything is written, and the files are the same [K16]', async () => {
    const destination = await place('same')
    await restore(full, destination, false)
    const before = await filesBelow(destination)
    const { events } = await restore(full, destination)
    expect(needed(events).filter((name) => name.startsWith('wal/'))).toEqual([])
    // postgresql.auto.conf, tablespace_map and the manifest hold what was adapted.
    expect(needed(events).length).toBeLessThanOrEqual(3)
    const [, same, all, written] = /^(\d+) of (\d+) files and 1 of 1 WAL files were there already; (.*) were written$/m.exec(said(events)) ?? []
    expect(Number(all) - Number(same)).toBeLessThanOrEqual(3)
    expect(written).toMatch(/^[\d.]+ (?:B|KiB)$/)
    expect(await filesBelow(destination)).toEqual(before)
    await expectContent(destination, wanted.full)
  })

  test('a copy that was opened and written to becomes what the image holds, fetching less than all; what else lies there is left alone [K16] [K7]', async () => {
    const destination = await place('opened')
    await restore(full, destination, false)
    await expectContent(destination, wanted.full, async (sql) => {
      await sql('create table of_the_copy as select g from generate_series(1, 1000) g')
      await sql('update account set balance = -1 where id < 50')
      await sql('checkpoint')
    })
    await writeFile(join(destination, 'notes.txt'), 'mine')
    await writeFile(join(destination, 'archive', '000000990000000000000001'), 'of another life')
    const { events } = await restore(full, destination)
    expect(needed(events).some((name) => name.startsWith('image-0/data-'))).toBe(true)
    expect(await readFile(join(destination, 'notes.txt'), 'utf8')).toBe('mine')
    expect(existsSync(join(destination, 'archive', '000000990000000000000001'))).toBe(false)
    await expectContent(destination, wanted.full)
  })

  test('a copy of the full becomes that of the chain with changed blocks, and back [K16] [E10]', async () => {
    const destination = await place('chain')
    await restore(full, destination, false)
    await restore(changed, destination)
    await expectContent(destination, wanted.changed)
    await restore(full, destination)
    await expectContent(destination, wanted.full)
  })

  test('a restore that fails leaves no data directory but an unfinished one, which the next goes on from; a failed comparison leaves the copy as it was [K16] [K9]', async () => {
    const destination = await place('failing')
    await restore(full, destination, false)
    await expectContent(destination, wanted.full, (sql) => sql('update account set balance = -1; checkpoint'))
    const volume = join(full.folder, full.result.volumes.toSorted((a, b) => b.sizeBytes - a.sizeBytes)[0]?.name ?? '')
    await flip(volume, 5000)
    await expect(restore(full, destination)).rejects.toMatchObject({ problem: { code: 'storage-corrupt' } })
    await flip(volume, 5000)
    expect(existsSync(join(destination, 'data'))).toBe(false)
    expect(existsSync(join(destination, `data.unfinished-${full.result.systemIdentifier}`))).toBe(true)
    await restore(full, destination)
    expect((await readdir(destination)).filter((name) => name.includes('unfinished') || name.includes('partial'))).toEqual([])
    await expectContent(destination, wanted.full)

    const index = join(full.folder, full.result.index.name)
    await flip(index, 100)
    const before = await filesBelow(destination)
    await expect(restore(full, destination)).rejects.toMatchObject({ problem: { code: 'storage-corrupt' } })
    await flip(index, 100)
    expect(await filesBelow(destination)).toEqual(before)
  })

  test('a copy in use, one of another system, and one beside an unfinished one are refused and untouched [K16] [K3]', async () => {
    const destination = await place('refused')
    await restore(full, destination, false)
    const before = await filesBelow(destination)
    await expect(runRestore(agent, full, { destination, delta: { systemIdentifier: '7300000000000000000' } })).rejects.toMatchObject({ problem: { code: 'destination-refused', message: expect.stringContaining('another system') as string } })
    await rename(join(destination, 'data'), join(destination, `data.unfinished-${full.result.systemIdentifier}`))
    await restore(full, destination)
    expect(await filesBelow(destination)).toEqual(before)
    {
      await using server = await startServer({ major, dataDirectory: join(destination, 'data'), settings: { archive_mode: 'off' } })
      await expect(restore(full, destination)).rejects.toMatchObject({ problem: { code: 'destination-refused', message: expect.stringMatching(/in use by the server with pid \d+/) as string } })
      expect(await server.sql('select 1 as one')).toEqual([{ one: 1 }])
    }
    await expect(runRestore(agent, full, { destination })).rejects.toMatchObject({ problem: { code: 'destination-refused' } })
  })

  test('a cancelled comparison gives the copy its name back [K16] [K9]', async () => {
    const destination = await place('cancelled')
    await restore(full, destination, false)
    const before = await filesBelow(destination)
    const runId = newRunId()
    await agent.call('run.start', { runId, job: { kind: 'restore', destination, images: [{ id: newRunId(), volumes: full.result.volumes, index: full.result.index }], wal: full.wal, major, workers: 2, delta: { systemIdentifier: full.result.systemIdentifier } } })
    // Its index never comes: it waits.
    await expect.poll(async () => needed((await agent.call('run.events', { runId, after: 0, waitMs: 100 })).events).length, { timeout: 10_000 }).toBe(1)
    await agent.call('run.cancel', { runId })
    await expect.poll(async () => (await agent.call('run.events', { runId, after: 0, waitMs: 100 })).ended, { timeout: 10_000 }).toBe(true)
    await agent.call('run.release', { runId })
    expect(await filesBelow(destination)).toEqual(before)
  })
})
