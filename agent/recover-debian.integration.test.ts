// A recovery in place of a cluster as Debian keeps it: configuration in /etc stays as it is, pg_ctlcluster stops and starts it; as root and as its owner.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startAgent } from '#e2e/hosts/agent.ts'
import { hasDebianClusters, startDebianCluster } from '#e2e/hosts/debian-cluster.ts'
import { copyOf, pastIn, placeOf, recoverJob, runJob } from '#e2e/hosts/recovery.ts'
import { serviceOf } from '#lib/domain/service.ts'
import { RecoverResult } from '#lib/protocol/recovery.ts'

describe.skipIf(!hasDebianClusters)('a cluster of Debian', () => {
  test.each([{ asRoot: false }, ...(process.env['HOWDAH_MATRIX'] === '1' ? [{ asRoot: true }] : [])])('is found, recovered in place by pg_ctlcluster, and undone ($asRoot) [K8] [K6]', async ({ asRoot }) => {
    await using agent = await startAgent({ asRoot })
    await using cluster = await startDebianCluster(`howdah_test_${process.pid}`)
    const past = await pastIn(agent, cluster)
    const config = await readFile(cluster.configFile, 'utf8')
    const hba = await readFile(cluster.configFile.replace('postgresql.conf', 'pg_hba.conf'), 'utf8')
    const { clusters } = await agent.call('host.describe', {})
    const found = clusters.find(({ dataDirectory }) => dataDirectory === cluster.dataDirectory)
    const service = serviceOf(found ?? null, asRoot ? 'root' : 'postgres')
    expect(service).toEqual({ kind: 'pg_ctlcluster', version: '15', cluster: cluster.name })
    const how = { service, configFile: cluster.configFile }

    const copy = await copyOf(agent, past, past.targets.lsn)
    const { end, events } = await runJob(agent, recoverJob(past, copy, how))
    expect(end?.problem).toBeUndefined()
    const { wayBack, systemIdentifier, timeline, archives } = RecoverResult.parse(end?.result)
    expect({ timeline, archives }).toEqual({ timeline: 2, archives: true })
    expect(events.flatMap(({ body }) => (body.kind === 'command' ? [body.text] : [])).filter((text) => text.startsWith('pg_ctlcluster'))).toEqual([`pg_ctlcluster 15 ${cluster.name} stop -m fast`, `pg_ctlcluster 15 ${cluster.name} start`])
    expect((await cluster.sql("select count(*)::int as n from mark where word = 'after'"))[0]).toEqual({ n: 0 })
    expect((await cluster.sql("select setting from pg_settings where name = 'config_file'"))[0]).toEqual({ setting: cluster.configFile })
    expect([await readFile(cluster.configFile, 'utf8'), await readFile(join(cluster.configFile, '../pg_hba.conf'), 'utf8')]).toEqual([config, hba])

    expect((await runJob(agent, { kind: 'undo', systemIdentifier, copy, place: placeOf(past, how), wayBack })).end).toMatchObject({ outcome: 'succeeded', result: { isRunning: true } })
    expect((await cluster.sql("select count(*)::int as n from mark where word = 'after'"))[0]).toEqual({ n: 1000 })
  })
})
