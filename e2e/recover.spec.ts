// A recovery completed in place by browser: planned, confirmed by name, followed live, undone back to the old cluster and released, done again from the copy elsewhere, and released.
import { appendFile, chown, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, type Page } from '@playwright/test'
import pg from 'pg'
import { takePort } from './hosts/recovery.ts'
import { stage } from './stage.ts'
import { expectAccessible, test } from './story.ts'

test.describe.configure({ mode: 'serial' })

/** A server that is stopped and started leaves a moment without one. */
async function source<Row extends pg.QueryResultRow>(text: string): Promise<Row[]> {
  const client = new pg.Client({ host: '127.0.0.1', port: stage().cluster.port, user: 'postgres', database: 'postgres' })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}
/** People who write all the time, whichever server answers; what they write is not compared. */
function startWriters(): { stop(): Promise<number> } {
  let written = 0
  const isStopped = new AbortController()
  const done = (async () => {
    while (!isStopped.signal.aborted) {
      // Without a server for a moment they try again.
      await source('create table if not exists visits (at timestamptz default now(), note text); insert into visits (note) select md5(i::text) from generate_series(1, 500) i').then(() => (written += 1), () => {})
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })()
  return {
    async stop() {
      isStopped.abort()
      await done
      return written
    },
  }
}
const content = 'select count(*)::int as rows, coalesce(sum(id), 0)::int as sum from invoices'
let before: unknown
let after: unknown
let moment = ''
let writers: ReturnType<typeof startWriters> | undefined
test.afterAll(() => writers?.stop())

test('a cluster is replaced by its state of before a mistake, step by step, with its name typed first [P12] [K8] [K6]', async ({ story }) => {
  await source("create table invoices as select i id, repeat('x', 100) body from generate_series(1, 3000) i")
  await story.goto('/backup/now?set=nightly')
  await story.getByRole('radio', { name: /^Full/ }).click()
  await story.getByRole('button', { name: 'Back up now' }).click()
  await expect(story).toHaveURL(/\/monitor\//)
  await expect(story.getByText('OK', { exact: true }).first()).toBeVisible({ timeout: 90_000 })
  await source('insert into invoices select i, $$y$$ from generate_series(3001, 3500) i')
  before = await source(content)
  await new Promise((resolve) => setTimeout(resolve, 1100))
  moment = (await source<{ at: Date }>('select clock_timestamp() as at'))[0]?.at.toISOString() ?? ''
  await new Promise((resolve) => setTimeout(resolve, 1100))
  await source('delete from invoices where id > 7')
  after = await source(content)
  await story.goto('/backup/now?set=nightly')
  await story.getByRole('radio', { name: /^Incremental/ }).click()
  await story.getByRole('button', { name: 'Back up now' }).click()
  await expect(story).toHaveURL(/\/monitor\//)
  await expect(story.getByText('OK', { exact: true }).first()).toBeVisible({ timeout: 90_000 })

  writers = startWriters()
  await story.goto(`/restore/where?target=time&at=${encodeURIComponent(moment)}`)
  await story.getByRole('radio', { name: /^Complete: replace the cluster/ }).click()
  await expect(story.getByRole('heading', { name: 'Then, in place' })).toBeVisible()
  await expect(story.getByText(`is replaced`, { exact: false }).first()).toBeVisible()
  await expect(story.getByText('pg_ctl stop', { exact: false }).first()).toBeVisible()
  await expectAccessible(story)
  await story.getByRole('button', { name: 'Restore and replace…' }).click()
  const dialog = story.getByRole('dialog')
  await expectAccessible(story)
  await dialog.getByLabel('Name of the source').fill('shop-db')
  await dialog.getByRole('button', { name: 'Restore and replace' }).click()
  await expect(story.getByRole('heading', { name: 'The way back' })).toBeVisible({ timeout: 90_000 })
  await expectAccessible(story)
  await story.getByRole('link', { name: 'Open in Monitor' }).last().click()
  await expect(story.getByText('recovery stopping before commit', { exact: false }).first()).toBeVisible()
  await expectAccessible(story)
  expect(await source(content)).toEqual(before)
})

test('Undo says what it does in numbers and brings the old cluster back as it was; what was recovered is released by its path and size [K8]', async ({ story }) => {
  await story.goto('/restore')
  await expect(story.getByRole('table', { name: 'Recoveries' }).getByText('Open, can be undone')).toBeVisible()
  await expectAccessible(story)
  await story.getByRole('button', { name: 'Undo…' }).click()
  await expect(story.getByRole('dialog').getByText('nothing is copied', { exact: false })).toBeVisible()
  await story.getByRole('dialog').getByRole('button', { name: 'Undo the recovery' }).click()
  await expect(story).toHaveURL(/\/monitor\//)
  await expect(story.getByText('OK', { exact: true }).first()).toBeVisible({ timeout: 60_000 })
  expect(await source(content)).toEqual(after)
  await story.goto('/restore')
  const recoveries = story.getByRole('table', { name: 'Recoveries' })
  await expect(recoveries.getByText('Undone', { exact: true })).toBeVisible()

  // What was recovered is kept beside it, until it is released by its path and size.
  await expect(recoveries.getByRole('button', { name: 'Undo…' })).toHaveCount(0)
  const undone = (await readdir(dirname(stage().cluster.dataDirectory))).filter((name) => name.includes('.undone-'))
  expect(undone).toHaveLength(1)
  await recoveries.getByRole('button', { name: 'Release…' }).click()
  const dialog = story.getByRole('dialog')
  await expect(dialog.getByText(`${stage().cluster.dataDirectory}.undone-`, { exact: false })).toBeVisible()
  await expect(dialog.getByText('is lost for good', { exact: false })).toBeVisible()
  await expectAccessible(story)
  await dialog.getByRole('button', { name: /^Delete \d.* MiB$/ }).click()
  await expect(story).toHaveURL(/\/monitor\//)
  await expect(story.getByText('OK', { exact: true }).first()).toBeVisible({ timeout: 60_000 })
  expect((await readdir(dirname(stage().cluster.dataDirectory))).filter((name) => name.includes('.undone-'))).toEqual([])
  expect(await source(content)).toEqual(after)
  await story.goto('/restore')
  await expect(recoveries.getByText('Undone', { exact: true })).toBeVisible()
  await expect(recoveries.getByRole('button', { name: 'Release…' })).toHaveCount(0)
})

/** Of the page of the restore that was not completed at once. */
let ofRestore = ''
const destination = (): string => join(dirname(stage().cluster.dataDirectory), 'later')
const settings = (): string => join(destination(), 'data', 'postgresql.conf')
let good = ''

async function replaceBy(story: Page): Promise<void> {
  await story.goto(ofRestore)
  await story.getByRole('button', { name: 'Complete the recovery…' }).click()
  await story.getByRole('radio', { name: /^Replace the cluster/ }).click()
  await expect(story.getByRole('heading', { name: 'Then, in place' })).toBeVisible()
  await story.getByRole('button', { name: 'Replace the cluster…' }).click()
  await story.getByRole('dialog').getByLabel('Name of the source').fill('shop-db')
  await story.getByRole('dialog').getByRole('button', { name: 'Replace it' }).click()
}

test('a copy that the server refuses is taken back by itself, with the reason [K8] [P12]', async ({ story }) => {
  await story.goto(`/restore/where?target=time&at=${encodeURIComponent(moment)}`)
  await story.getByLabel('Destination').fill(destination())
  await expect(story.getByText(`:${destination()}`).first()).toBeVisible()
  await story.getByRole('button', { name: 'Restore…' }).click()
  await story.getByRole('dialog').getByRole('button', { name: 'Restore' }).click()
  await expect(story.getByText('OK', { exact: true }).first()).toBeVisible({ timeout: 90_000 })
  await story.getByRole('link', { name: 'Open in Monitor' }).click()
  await expect(story).toHaveURL(/\/monitor\//)
  ofRestore = story.url()
  good = await readFile(settings(), 'utf8')
  await appendFile(settings(), "\nshared_buffers = 'nonsense'\n")
  await replaceBy(story)
  await expect(story.getByText('The old cluster runs again', { exact: false }).first()).toBeVisible({ timeout: 90_000 })
  await expect(story.getByText('shared_buffers', { exact: false }).first()).toBeVisible()
  await expectAccessible(story)
  expect(await source(content)).toEqual(after)
})

test('a copy of which something belongs to somebody else is refused before the server is stopped, and the page says how to mend it [K8] [K3] [P12]', async ({ story }) => {
  test.skip(process.getuid?.() !== 0, 'only root gives files to others')
  await writeFile(settings(), good)
  const path = join(destination(), 'data', 'base')
  const { uid, gid } = await stat(path)
  const [started] = await source('select pg_postmaster_start_time() as at')
  await chown(path, 0, 0)
  await replaceBy(story)
  await expect(story.getByText(`${path} belongs to user id 0, the copy to ${uid}`, { exact: false }).first()).toBeVisible({ timeout: 60_000 })
  await expect(story.getByText(`chown -R ${uid}:${gid} ${destination()}`, { exact: false }).first()).toBeVisible()
  await expectAccessible(story)
  expect(await source('select pg_postmaster_start_time() as at')).toEqual([started])
  expect(await source(content)).toEqual(after)
  await chown(path, uid, gid)
  expect(await writers?.stop()).toBeGreaterThan(20)
  writers = undefined
})

test('once mended the copy is completed from its run, and the old cluster goes when it is released [K8] [P12]', async ({ story }) => {
  await writeFile(settings(), good)
  await replaceBy(story)
  await expect(story.getByRole('heading', { name: 'The way back' })).toBeVisible({ timeout: 90_000 })
  await expectAccessible(story)
  expect(await source(content)).toEqual(before)
  await story.getByRole('button', { name: 'Release the old copy…' }).click()
  await expect(story.getByRole('dialog').getByText('Undo is impossible afterwards', { exact: false })).toBeVisible()
  await story.getByRole('dialog').getByRole('button', { name: /^Delete/ }).click()
  await expect(story).toHaveURL(/\/monitor\//)
  await expect(story.getByText('OK', { exact: true }).first()).toBeVisible({ timeout: 60_000 })
  expect(await source(content)).toEqual(before)
})

test('a port that another program takes while the server is stopped is named; the old cluster runs again as soon as it is free, and backups go on [K8] [P12]', async ({ story }) => {
  writers = startWriters()
  const { port } = stage().cluster
  await story.goto(`/restore/where?target=time&at=${encodeURIComponent(moment)}`)
  await story.getByRole('radio', { name: /^Complete: replace the cluster/ }).click()
  await expect(story.getByRole('heading', { name: 'Then, in place' })).toBeVisible()
  await story.getByRole('button', { name: 'Restore and replace…' }).click()
  const dialog = story.getByRole('dialog')
  await dialog.getByLabel('Name of the source').fill('shop-db')
  await dialog.getByRole('button', { name: 'Restore and replace' }).click()
  {
    await using _taken = await takePort(port)
    await expect(story.getByText('the old cluster starts as soon as it is free', { exact: false }).first()).toBeVisible({ timeout: 90_000 })
  }
  await expect(story.getByRole('alert').getByText(/Port \d+ (?:is|was) taken by another program.* The old cluster runs again/)).toBeVisible({ timeout: 60_000 })
  await expect(story.getByText(`ss -ltnp 'sport = :${port}'`, { exact: false }).first()).toBeVisible()
  await expectAccessible(story)
  expect(await source(content)).toEqual(before)
  expect(await writers.stop()).toBeGreaterThan(5)
  writers = undefined
  await source('drop table invoices; drop table if exists visits')
  // A new timeline: the next backup is a full by itself.
  await story.goto('/backup/now?set=nightly')
  await story.getByRole('button', { name: 'Back up now' }).click()
  await expect(story).toHaveURL(/\/monitor\//)
  await expect(story.getByText('OK', { exact: true }).first()).toBeVisible({ timeout: 90_000 })
})
