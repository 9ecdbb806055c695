// Bringing a cluster back in the browser: what was committed is there again, in a server started from what was restored.
import { expect } from '@playwright/test'
import pg from 'pg'
import * as z from 'zod'
import { startRestored } from './hosts/cluster.ts'
import { stage } from './stage.ts'
import { expectAccessible, test } from './story.ts'

test.describe.configure({ mode: 'serial' })

const source = async (text: string): Promise<pg.QueryResult> => {
  const client = new pg.Client({ host: '127.0.0.1', port: stage().cluster.port, user: 'postgres', database: 'postgres' })
  await client.connect()
  try {
    return await client.query(text)
  } finally {
    await client.end()
  }
}
const content = 'select count(*)::int rows, coalesce(sum(id), 0)::int sum from orders'

test('rows are written, an incremental is taken, and the newest state comes back in three clicks [P13] [K1] [K5] [D1]', async ({ story }) => {
  await source("create table orders as select i id, repeat('x', 200) body from generate_series(1, 5000) i")
  await story.goto('/backup/now?set=nightly')
  await story.getByRole('button', { name: 'Back up now' }).click()
  await expect(story).toHaveURL(/\/monitor\//)
  await expect(story.getByText('OK', { exact: true }).first()).toBeVisible({ timeout: 90_000 })

  await story.goto('/restore')
  await expect(story.getByRole('link', { name: 'Newest state' })).toBeVisible()
  await expectAccessible(story)
  // Click one: Restore; two: Restore now.
  await story.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Restore', exact: true }).click()
  await expect(story.getByRole('heading', { name: 'Plan' })).toBeVisible()
  await expectAccessible(story)
  const destination = await story.getByLabel('Destination').inputValue()
  await story.getByRole('button', { name: 'Restore now' }).click()
  await expect(story.getByText('OK', { exact: true }).first()).toBeVisible({ timeout: 90_000 })
  await expectAccessible(story)

  await using restored = await startRestored({ major: 15, dataDirectory: `${destination}/data` })
  expect(await restored.sql(content)).toEqual((await source(content)).rows)
})

test('a moment is chosen before a mistake, planned, and the mistake is not there [P11] [P12] [K2] [K6]', async ({ story }) => {
  await source('insert into orders select i, $$y$$ from generate_series(5001, 6000) i')
  const before = (await source(content)).rows
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const mistakeAt = z.object({ at: z.date() }).parse((await source('select clock_timestamp() at')).rows[0]).at.toISOString()
  await new Promise((resolve) => setTimeout(resolve, 1100))
  await source('delete from orders where id > 100')
  await story.goto('/backup/now?set=nightly')
  await story.getByRole('radio', { name: /^Incremental/ }).click()
  await story.getByRole('button', { name: 'Back up now' }).click()
  await expect(story.getByText('OK', { exact: true }).first()).toBeVisible({ timeout: 90_000 })

  await story.goto('/restore/what')
  await story.getByRole('radio', { name: /^A time/ }).click()
  await story.getByLabel('Time', { exact: true }).fill('noon')
  await expect(story.getByText('Choose a moment on the timeline', { exact: false }).first()).toBeVisible()
  await story.getByLabel('Time', { exact: true }).fill(mistakeAt)
  await expectAccessible(story)
  await story.getByRole('link', { name: 'Choose where' }).click()
  await expect(story.getByRole('heading', { name: 'Plan' })).toBeVisible()
  await expectAccessible(story)
  const destination = `${stage().host.home}/before-mistake`
  await story.getByLabel('Destination').fill(destination)
  await expect(story.getByText(`:${destination}`).first()).toBeVisible()
  await story.getByRole('button', { name: 'Restore…' }).click()
  await story.getByRole('dialog').getByRole('button', { name: 'Restore' }).click()
  await expect(story.getByText('OK', { exact: true }).first()).toBeVisible({ timeout: 90_000 })

  await using restored = await startRestored({ major: 15, dataDirectory: `${destination}/data` })
  expect(await restored.sql(content)).toEqual(before)
})

test('a table dropped by accident is found in the WAL by its name, and one click brings back the state just before [K2] [K6]', async ({ story }) => {
  await source("create table waybills as select i id, repeat('z', 100) body from generate_series(1, 3000) i")
  await story.goto('/backup/now?set=nightly')
  await story.getByRole('radio', { name: /^Full/ }).click()
  await story.getByRole('button', { name: 'Back up now' }).click()
  await expect(story.getByText('OK', { exact: true }).first()).toBeVisible({ timeout: 90_000 })
  await source('insert into waybills values (3001, $$last$$)')
  const at = z.object({ at: z.date() }).parse((await source('select clock_timestamp() at')).rows[0]).at.toISOString()
  await source('drop table waybills')
  await source('insert into orders values (7000, $$after$$)')
  await story.goto('/backup/now?set=nightly')
  await story.getByRole('radio', { name: /^Incremental/ }).click()
  await story.getByRole('button', { name: 'Back up now' }).click()
  await expect(story.getByText('OK', { exact: true }).first()).toBeVisible({ timeout: 90_000 })

  await story.goto(`/restore/what?target=time&at=${encodeURIComponent(at)}`)
  await story.getByRole('radio', { name: '10 minutes' }).click()
  await story.getByRole('button', { name: 'Search the WAL' }).click()
  const row = story.getByRole('row', { name: /Dropped public\.waybills/ })
  await expect(row).toBeVisible({ timeout: 60_000 })
  await expectAccessible(story)
  await row.getByRole('button', { name: 'Just before this' }).click()
  await expect(story.getByRole('radio', { name: /^A WAL position/ })).toBeChecked()
  await expect(story.getByLabel('Stop just before it')).toBeChecked()
  await story.getByRole('region', { name: 'What was found' }).getByRole('link', { name: 'Choose where' }).click()
  const destination = `${stage().host.home}/before-the-drop`
  await story.getByLabel('Destination').fill(destination)
  await expect(story.getByText(`:${destination}`).first()).toBeVisible()
  await story.getByRole('button', { name: 'Restore…' }).click()
  await story.getByRole('dialog').getByRole('button', { name: 'Restore' }).click()
  await expect(story.getByText('OK', { exact: true }).first()).toBeVisible({ timeout: 90_000 })

  await using restored = await startRestored({ major: 15, dataDirectory: `${destination}/data` })
  expect(await restored.sql('select count(*)::int rows from waybills')).toEqual([{ rows: 3001 }])
  expect(await restored.sql('select count(*)::int rows from orders where id = 7000')).toEqual([{ rows: 0 }])
})

test('a place that is not empty is refused with the fix, and a moment out of reach names the nearest [K2] [P12]', async ({ story }) => {
  await story.goto('/restore/where?target=time&at=2001-01-01T00:00:00Z')
  await expect(story.getByRole('button', { name: /Nearest after/ })).toBeVisible()
  await expectAccessible(story)
  await story.getByRole('button', { name: /Nearest after/ }).click()
  await expect(story.getByRole('heading', { name: 'Plan' })).toBeVisible()
  await story.getByLabel('Destination').fill(stage().cluster.dataDirectory)
  await expect(story.getByText('lie in each other', { exact: false }).first()).toBeVisible()
  await story.getByLabel('Destination').fill(`${stage().host.home}/before-mistake`)
  await expect(story.getByText(':' + `${stage().host.home}/before-mistake`).first()).toBeVisible()
  await story.getByRole('button', { name: 'Restore…' }).click()
  await story.getByRole('dialog').getByRole('button', { name: 'Restore' }).click()
  await expect(story.getByText('not empty', { exact: false }).first()).toBeVisible({ timeout: 30_000 })
})
