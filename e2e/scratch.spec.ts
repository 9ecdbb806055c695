// Proof and rescue in the browser: a drill is run and its evidence read; a dropped table is taken out of a backup and loaded back.
import { expect } from '@playwright/test'
import pg from 'pg'
import { stage } from './stage.ts'
import { expectAccessible, test } from './story.ts'
import { fileName, look } from './walk.ts'

test.describe.configure({ mode: 'serial' })

const source = async <Row extends pg.QueryResultRow>(text: string): Promise<Row[]> => {
  const client = new pg.Client({ host: '127.0.0.1', port: stage().cluster.port, user: 'postgres', database: 'postgres' })
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}

test('a drill is run with an assertion, found false, corrected, and passes; its evidence shows what was proved [K15] [J6]', async ({ story }) => {
  test.setTimeout(300_000)
  await source("create table receipts as select i id, repeat('r', 100) body from generate_series(1, 3000) i")
  await story.goto('/backup/now?set=nightly')
  await story.getByRole('radio', { name: /^Full/ }).click()
  await story.getByRole('button', { name: 'Back up now' }).click()
  await expect(story.getByText('OK', { exact: true }).first()).toBeVisible({ timeout: 90_000 })

  await story.goto('/restore/drills')
  await expect(story.getByText('No drill has run yet')).toBeVisible()
  await expectAccessible(story)
  await story.getByRole('button', { name: 'Add an assertion' }).click()
  await story.getByLabel('SQL').fill('select count(*) = 7 from receipts')
  await expectAccessible(story)
  await story.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(story.getByRole('button', { name: 'Save', exact: true })).toBeDisabled()
  await story.getByRole('combobox', { name: 'Target' }).first().click()
  await story.getByRole('option', { name: 'The newest state in storage' }).click()
  await story.getByRole('button', { name: 'Run a drill now' }).click()
  await expect(story.getByText('it gave false, not true', { exact: false }).first()).toBeVisible({ timeout: 90_000 })
  await story.getByRole('link', { name: 'Open the evidence' }).click()
  await expect(story.getByText('Failed', { exact: true }).first()).toBeVisible()
  await expectAccessible(story)
  await story.goto('/')
  await expect(story.getByText('The last restore drill failed', { exact: false }).first()).toBeVisible()

  await story.goto('/restore/drills')
  await story.getByLabel('SQL').fill('select count(*) = 3000 from receipts')
  await story.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(story.getByRole('button', { name: 'Save', exact: true })).toBeDisabled()
  // A random second, as set, may lie before there was this table.
  await story.getByRole('combobox', { name: 'Target' }).first().click()
  await story.getByRole('option', { name: 'The newest state in storage' }).click()
  await story.getByRole('button', { name: 'Run a drill now' }).click()
  await expect(story.getByRole('status').getByText('OK', { exact: true })).toBeVisible({ timeout: 90_000 })
  await story.getByRole('link', { name: 'Open the evidence' }).click()
  await expect(story.getByText('1 assertion true', { exact: false })).toBeVisible()
  await expect(story.getByText('Open after', { exact: true })).toBeVisible()
  const evidence = new URL(story.url()).pathname
  await look(story, evidence, `drill-${fileName(evidence.replace(/[0-9a-f-]{36}/, 'one'))}`)
  await look(story, '/restore/drills', 'drills-full')
})

test('a dropped table is found in the tree of a copy that survives a reload, and loaded back with its rows [K12] [P11]', async ({ story }) => {
  test.setTimeout(300_000)
  await source('drop table receipts')
  await story.goto('/restore/extract')
  await expect(story.getByRole('heading', { name: 'Plan' })).toBeVisible()
  await expectAccessible(story)
  await story.getByRole('button', { name: 'Open a scratch server' }).click()
  await expect(story).toHaveURL(/\/restore\/extract\/[0-9a-f-]{36}$/)
  await story.reload()
  await expect(story.getByText('Open', { exact: true }).first()).toBeVisible({ timeout: 90_000 })
  await story.getByLabel('Find a table').fill('receipts')
  await story.getByRole('checkbox', { name: 'Take table receipts' }).click()
  await expect(story.getByText('of one database are chosen', { exact: false })).toBeVisible()
  await look(story, new URL(story.url()).pathname, 'extract-open')
  await story.getByLabel('Find a table').fill('receipts')
  await story.getByRole('checkbox', { name: 'Take table receipts' }).click()
  await story.getByRole('button', { name: 'Load', exact: true }).click()
  await expect(story.getByText('public.receipts: 3,000 rows in the copy, 3,000 in the target', { exact: false })).toBeVisible({ timeout: 60_000 })
  expect(await source<{ rows: number }>('select count(*)::int rows from receipts')).toEqual([{ rows: 3000 }])
  await expectAccessible(story)

  // Once more: it is there now, and nothing is changed.
  await story.getByRole('button', { name: 'Load', exact: true }).click()
  await expect(story.getByText('public.receipts in database postgres is there already', { exact: false }).first()).toBeVisible({ timeout: 60_000 })
  await story.getByRole('button', { name: 'Stop and remove…' }).click()
  await expectAccessible(story)
  await story.getByRole('dialog').getByRole('button', { name: 'Stop and remove' }).click()
  await expect(story.getByText('This extract has ended')).toBeVisible({ timeout: 60_000 })
  await look(story, new URL(story.url()).pathname, 'extract-ended')
})
