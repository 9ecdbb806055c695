// Estimates against what backups then store: on data that compresses well, that does not at all, and in many small files.
import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accessTo, runBackup, settingsWith, startAgent, type TestAgent } from '#e2e/hosts/agent.ts'
import { type Cluster, debianBinaries, startCluster } from '#e2e/hosts/cluster.ts'
import { zstdLevel, type SettingValues } from '#lib/domain/settings.ts'

const SMALL_TABLES = 400

/** Each fills a cluster of its own. */
const kinds: readonly { name: string; fill: (cluster: Cluster) => Promise<unknown> }[] = [
  { name: 'pgbench', fill: ({ port }) => promisify(execFile)(join(debianBinaries, 'pgbench'), ['-i', '-q', '-s', '5', '-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', 'postgres']) },
  {
    name: 'data that does not compress',
    // TOAST would compress what it can: noise stays as it is.
    fill: (cluster) => cluster.sql("create table noise as select g as id, (select string_agg(decode(md5(g::text || ':' || n || random()), 'hex'), '') from generate_series(1, 120) n) as bytes from generate_series(1, 20000) g"),
  },
  {
    name: 'many small files',
    fill: async (cluster) => {
      for (let part = 0; part < SMALL_TABLES; part += 100) await cluster.sql(Array.from({ length: 100 }, (_, n) => `create table small_${part + n} (id int primary key, note text unique); insert into small_${part + n} select g, md5((g * ${part + n + 1})::text) from generate_series(1, 30) g`).join(';'))
    },
  },
]
const off = (foretold: number, found: number): number => Math.abs(foretold - found) / found

describe.each(kinds)('an estimate of $name', ({ fill }) => {
  let cluster: Cluster
  let agent: TestAgent
  beforeAll(async () => {
    ;[cluster, agent] = await Promise.all([startCluster({ major: 16, settings: { max_wal_size: '4GB', full_page_writes: 'off' } }), startAgent()])
    await fill(cluster)
    // An estimate reads files: what the server still holds in memory it cannot know.
    await cluster.sql('vacuum analyze')
    await cluster.sql('checkpoint')
  })
  afterAll(async () => {
    await agent[Symbol.asyncDispose]()
    await cluster[Symbol.asyncDispose]()
  })
  const estimated = (method: 'accurate' | 'quick', some: Partial<SettingValues>) => agent.call('cluster.estimate', { cluster: accessTo(cluster), method, compressionLevel: zstdLevel(settingsWith(some)) })
  const stored = async (some: Partial<SettingValues>) => {
    const { result, folder } = await runBackup(agent, accessTo(cluster), some)
    await rm(folder, { recursive: true, force: true })
    return { rawBytes: result.rawBytes, storedBytes: result.volumes.reduce((sum, { sizeBytes }) => sum + sizeBytes, result.index.sizeBytes) }
  }

  test.each([{ compression: 'default' }, { compression: 'none' }] as const)('by measuring is within 10 % of what is stored, with compression $compression; from file sizes where nothing is compressed [B8]', async (some) => {
    const begun = Date.now()
    const foretold = await estimated('accurate', some)
    expect(Date.now() - begun).toBeLessThan(30_000)
    const quick = await estimated('quick', some)
    const found = await stored(some)
    const told = JSON.stringify({ foretold, quick, found })
    expect(off(foretold.rawBytes, found.rawBytes), told).toBeLessThan(0.02)
    expect(off(foretold.storedBytes, found.storedBytes), told).toBeLessThan(0.1)
    expect(quick.rawBytes, told).toBe(foretold.rawBytes)
    if (some.compression === 'none') expect(off(quick.storedBytes, found.storedBytes), told).toBeLessThan(0.05)
  })
})
