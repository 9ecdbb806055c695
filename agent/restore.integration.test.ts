// One long stripe: restored in parts by more threads than there are stripes, which share its volumes.
import { expect, test } from 'vitest'
import { accessTo, changedBackup, destinationIn, fullBackup, runRestore, startAgent, type StoredBackup } from '#e2e/hosts/agent.ts'
import { type Cluster, noiseTable, serverFolder, startCluster, startRestored } from '#e2e/hosts/cluster.ts'
import { recoverySettings } from '#lib/postgres/recovery.ts'

const major = 15
const TABLES = ['t1', 't2', 't3', 't4', 't5']
const TABLE_MEGABYTES = 40
const contentOf = (cluster: Pick<Cluster, 'sql'>): Promise<unknown[]> => Promise.all(TABLES.map((name) => cluster.sql(`select count(*)::int as n, md5(string_agg(md5(noise), ',' order by id)) as digest from ${name}`)))

test('a full in one stripe, and a chain onto it, are restored by three threads: every volume is asked for once, and the content is the same [B1] [D1] [E10]', async () => {
  await using cluster = await startCluster({ major, checksums: true })
  await using agent = await startAgent()
  for (const name of TABLES) await cluster.sql(noiseTable(name, TABLE_MEGABYTES))
  const full = await fullBackup(agent, accessTo(cluster), { workers: 1 })
  const wanted = new Map([[full, await contentOf(cluster)]])
  for (const name of TABLES) await cluster.sql(`update ${name} set noise = sha512(noise) || noise where id % 100 = 0`)
  const chain = await changedBackup(agent, accessTo(cluster), full, { workers: 1 })
  wanted.set(chain, await contentOf(cluster))
  const namesOf = ({ result }: StoredBackup, image: number): string[] => result.volumes.map(({ name }) => `image-${image}/${name}`)
  const stripe = namesOf(full, 0).filter((name) => name.startsWith('image-0/data-'))
  expect(stripe.length).toBeGreaterThanOrEqual(3)
  expect(new Set(stripe.map((name) => name.split('.')[0])).size).toBe(1)

  for (const [stored, content] of wanted) {
    const destination = await destinationIn(await serverFolder('restore'))
    const settings = recoverySettings({ target: { kind: 'latest' }, isInclusive: true, timeline: 'latest', action: 'promote', restoreCommand: `cp ${destination}/archive/%f "%p"` })
    const { events } = await runRestore(agent, stored, { destination, workers: 3, recovery: { settings: Object.fromEntries(settings.map(({ name, value }) => [name, value])) } })
    const asked = events.flatMap(({ body }) => (body.kind === 'need' && body.name.includes('/data-') ? [body.name] : []))
    expect(asked.toSorted()).toEqual([...stripe, ...(stored === chain ? namesOf(chain, 1).filter((name) => name.includes('/data-')) : [])].toSorted())
    await using restored = await startRestored({ major, dataDirectory: `${destination}/data` })
    expect(await contentOf(restored)).toEqual(content)
    expect(await restored.sql("select coalesce(sum(checksum_failures), 0)::int as failures from pg_stat_database")).toEqual([{ failures: 0 }])
  }
}, 300_000)
