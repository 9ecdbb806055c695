// Losses of data that other tools had, made to happen here: a catalog that refuses what was stored, and WAL that the server recycles under a backup.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Client } from 'pg'
import { switchWal } from '#e2e/hosts/cluster.ts'
import { comesTrue, faultStage, type FaultStage } from '#e2e/hosts/fault-stage.ts'

describe.skipIf(process.getuid?.() !== 0)('a source in the care of the console', () => {
  let stage: FaultStage
  let catalog: Client
  beforeAll(async () => {
    stage = await faultStage({})
    catalog = new Client({ connectionString: stage.databaseUrl })
    await catalog.connect()
    await catalog.query("create function refuse() returns trigger language plpgsql as $$ begin raise exception 'the catalog refuses this row'; end $$")
  })
  afterAll(async () => {
    await catalog?.end()
    await stage?.[Symbol.asyncDispose]()
  })
  /** While the catalog refuses new rows of a table. */
  const refusing = async <T>(table: string, work: () => Promise<T>): Promise<T> => {
    await catalog.query(`create trigger refuse before insert on "${table}" for each row execute function refuse()`)
    try {
      return await work()
    } finally {
      await catalog.query(`drop trigger refuse on "${table}"`)
    }
  }
  const full = async (): Promise<string> => stage.console.begin('backup', { source: await stage.console.frozen(), level: 'full', checkFirst: false, storageId: stage.console.storageId, cycleDays: 7 })

  test('a backup whose image the catalog refuses is failed, not published, and the next one is fine (peer bug 4) [J2] [D3]', async () => {
    const run = await refusing('Image', async () => stage.console.ended(await full()))
    expect(run.state).toBe('failed')
    expect(run.imageId).toBeNull()
    expect(await stage.console.db.image.count()).toBe(0)
    expect(await stage.wounds()).toEqual([])
    expect(await stage.console.ended(await full())).toMatchObject({ state: 'succeeded' })
    expect(await stage.wounds()).toEqual([])
  })

  test('WAL that the catalog refuses to record is a failed collection, leaves nothing of the host, and comes in later (peer bug 4) [F1] [M6]', async () => {
    const { cluster, console: it } = stage
    await cluster.sql('create table later as select 1 as one')
    const switched = await switchWal(cluster)
    // Others may expire meanwhile: this one is what matters.
    const stored = (): Promise<number> => it.db.walFile.count({ where: { name: switched } })
    const run = await refusing('WalFile', async () => it.run('collect-wal', { source: await it.frozen(), storageId: it.storageId }))
    expect(run.state).toBe('failed')
    expect(await stored()).toBe(0)
    expect(await stage.wounds()).toEqual([])
    expect(await it.run('collect-wal', { source: await it.frozen(), storageId: it.storageId })).toMatchObject({ state: 'succeeded' })
    expect(await stored()).toBe(1)
    expect(await stage.proof()).toBeNull()
  })

  test('WAL that a busy server recycles while a backup is taken is in the image nevertheless (peer bug 5) [D6] [D1]', async () => {
    const { cluster, console: it, agentHolds } = stage
    await agentHolds.clear()
    await agentHolds.arm({ label: 'phase copy', occurrence: 1 })
    const runId = await full()
    expect(await comesTrue(() => agentHolds.isHeld(), 30_000)).toBe(true)
    const begin = (await cluster.sql<{ name: string }>('select pg_walfile_name(pg_current_wal_lsn()) as name'))[0]?.name ?? ''
    for (let n = 0; n < 6; n += 1) await cluster.sql(`create table busy${n} as select g, md5(g::text) from generate_series(1, 20000) g; select pg_switch_wal()`)
    const isRecycled = async (): Promise<boolean> => {
      await cluster.sql('checkpoint')
      return (await cluster.sql(`select from pg_ls_waldir() where name = '${begin}'`)).length === 0
    }
    expect(await comesTrue(isRecycled, 30_000), `${begin} is recycled`).toBe(true)
    await agentHolds.release()
    const run = await it.ended(runId)
    expect(run, (await it.texts(runId)).join('\n')).toMatchObject({ state: 'succeeded' })
    expect(await stage.proof({ target: { kind: 'latest' }, imageId: run.imageId ?? '' })).toBeNull()
    expect(await stage.wounds()).toEqual([])
  })
})
