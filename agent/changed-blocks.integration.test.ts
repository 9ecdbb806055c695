// Changed-block backups of real servers: whatever happened to the database, full and changes together give it back.
import { execFile } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accessTo, changedBackup, destinationIn, fullBackup, runRestore, startAgent, type StoredBackup, type TestAgent } from '#e2e/hosts/agent.ts'
import { type Cluster, debianBinaries, serverFolder, startCluster, startRestored } from '#e2e/hosts/cluster.ts'
import { beginHistory, contentOf, steps } from '#e2e/hosts/history.ts'
import { isMatrix } from '#e2e/hosts/majors.ts'
import { parseIndex } from '#lib/image/index.ts'
import { decodeHeader } from '#lib/postgres/incremental.ts'
import { recoverySettings } from '#lib/postgres/recovery.ts'
import { MAJORS } from '#lib/postgres/version.ts'

const run = promisify(execFile)

/** A page scan on any major, WAL summaries from 17 on; the matrix does both where there are both. */
const ways = [{ summaries: true, since: 17 }, { summaries: false, since: 12 }]
const cases = isMatrix ? MAJORS.flatMap((major) => ways.filter(({ since }) => major >= since).map(({ summaries }) => ({ major, summaries }))) : [{ major: 13, summaries: false }, { major: 17, summaries: false }, { major: 18, summaries: true }]

const toTheEnd = (archive: string): Record<string, string> =>
  Object.fromEntries(recoverySettings({ target: { kind: 'latest' }, isInclusive: true, timeline: 'latest', action: 'promote', restoreCommand: `cp ${archive}/%f "%p"` }).map(({ name, value }) => [name, value]))

describe.each(cases)('PostgreSQL $major, WAL summaries $summaries', ({ major, summaries }) => {
  let cluster: Cluster
  let agent: TestAgent
  const images: StoredBackup[] = []
  const contents: Record<string, string>[] = []

  const live = async (from: number): Promise<void> => {
    for (const [index, step] of steps.entries()) await step(cluster, from + index)
  }

  beforeAll(async () => {
    cluster = await startCluster({ major, checksums: true, settings: summaries ? { summarize_wal: 'on' } : {} })
    agent = await startAgent()
    await beginHistory(cluster)
    if (!summaries) {
      // What was written long enough before the base, and not since, need not be read again: nothing of what follows may be missed by that.
      await cluster.sql('checkpoint')
      await new Promise((resolve) => setTimeout(resolve, 3200))
    }
    for (let image = 0; image < 3; image += 1) {
      if (image > 0) await live(image)
      // Under load: what is committed while the backup runs comes back by its WAL.
      let isOver = false
      const load = (async () => {
        for (let id = 1; !isOver; id += 1) await cluster.sql(`update account set balance = balance + 1 where id = ${id}`)
      })()
      const base = images.at(-1)
      images.push(base === undefined ? await fullBackup(agent, accessTo(cluster)) : await changedBackup(agent, accessTo(cluster), base))
      isOver = true
      await load
      contents.push(await contentOf(cluster))
    }
  })
  afterAll(async () => {
    await agent[Symbol.asyncDispose]()
    await cluster[Symbol.asyncDispose]()
  })

  test('changes are found the way the server allows, and are less than the whole [E10]', () => {
    const [full, ...changed] = images
    expect(full?.result.changes).toBeNull()
    for (const { result } of changed) {
      expect(result.changes?.method).toBe(summaries ? 'wal-summaries' : 'page-scan')
      expect(result.changes?.blocks).toBeGreaterThan(0)
      expect(result.rawBytes).toBeLessThan(result.clusterBytes * 0.75)
    }
  })

  test.skipIf(summaries)('files that nobody wrote to since the base are known without reading them, others are read [E10]', async () => {
    const [base, changed] = await Promise.all(images.slice(0, 2).map(async ({ folder, result }) => new Map(parseIndex(await readFile(join(folder, result.index.name))).map(({ path = '', rest }) => [path.replace('INCREMENTAL.', ''), rest]))))
    const rested = [...(base ?? [])].filter(([, rest]) => rest !== undefined)
    const [same, other] = [rested.filter(([path, rest]) => changed?.get(path) === rest), rested.filter(([path, rest]) => changed?.get(path) !== rest)]
    expect(same.length).toBeGreaterThan(100)
    expect(other.length).toBeGreaterThan(5)
  })

  test.each([1, 2])('full and changes up to image %i give the content of then, on a server that starts from them [E10] [E9] [D11] [K5]', async (last) => {
    const image = images[last]
    if (image === undefined) throw new Error('There is no such image.')
    const destination = await destinationIn(await serverFolder('restore'))
    await runRestore(agent, image, { destination, recovery: { settings: toTheEnd(`${destination}/archive`) } })
    if (major >= 13) await run(join(debianBinaries, 'pg_verifybackup'), ['--no-parse-wal', join(destination, 'data')]).catch((error: { stderr?: string }) => {
      // Debian's 15 does not know the manifest of 17: what it says of files is all it would say.
      if (major < 17) throw error
    })
    await using restored = await startRestored({ major, dataDirectory: join(destination, 'data') })
    const found = await contentOf(restored)
    // What committed between the end of the backup and the look at the content is in later WAL only.
    const [now, then] = [found, contents[last] ?? {}].map((content) => Object.fromEntries(Object.entries(content).filter(([name]) => name !== 'postgres.public.account')))
    expect(now).toEqual(then)
    expect(found['postgres.public.account']?.split(' ')[0]).toBe('60000')
    expect(await restored.sql("select coalesce(sum(checksum_failures), 0)::int as failures from pg_stat_database")).toEqual([{ failures: 0 }])
  })

  test('an image of changes holds PostgreSQL’s own incremental files, and a label that says so [E10]', async () => {
    const image = images[2]
    if (image === undefined) throw new Error('There is no such image.')
    const entries = parseIndex(await readFile(join(image.folder, image.result.index.name)))
    const files = entries.filter(({ path }) => path?.includes('INCREMENTAL.') === true)
    expect(files.length).toBeGreaterThan(100)
    const folder = await serverFolder('plain')
    for (const stripe of new Set(image.result.volumes.map(({ name }) => name.split('.')[0]))) await run('sh', ['-c', `cat ${image.folder}/${stripe}.*.tar.zst | zstd -dcq | tar -x -p -f - -C ${folder}`])
    let blocks = 0
    for (const { path = '' } of files) blocks += decodeHeader(await readFile(join(folder, path))).blocks.length
    expect(blocks).toBe(image.result.changes?.blocks)
    expect(await readFile(join(folder, 'backup_label'), 'utf8')).toContain(`INCREMENTAL FROM LSN: ${images[1]?.result.beginLsn}\n`)
    expect((await readdir(folder)).includes('backup_manifest')).toBe(major >= 13)
    expect((await stat(join(folder, 'global/pg_control'))).size).toBe(8192)
  })
})
