// A check that offers a fix, and excludes that are refused, in a real browser against a real server.
import { expect } from '@playwright/test'
import { Client } from 'pg'
import { stage } from './stage.ts'
import { test } from './story.ts'
import { look, lookAtDialog } from './walk.ts'

test.describe.configure({ mode: 'serial' })

async function sql(text: string): Promise<Record<string, unknown>[]> {
  const { socketDirectory, port } = stage().cluster
  const client = new Client({ host: socketDirectory, port, user: 'postgres', database: 'postgres' })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}
const command = async (): Promise<unknown> => (await sql("select current_setting('archive_command') as command"))[0]?.['command']

test('a check offers to set archive_command, shows what changes from what to what, does it on agreement and is in order after it [C5] [P4]', async ({ story }) => {
  const { archiveDirectory } = stage().cluster
  const plain = `cp %p ${archiveDirectory}/%f`
  await sql(`alter system set archive_command = '${plain}'`)
  await sql('select pg_reload_conf()')
  await expect.poll(command).toBe(plain)
  await story.goto('/backup/what?set=nightly')
  await story.getByRole('button', { name: 'Check', exact: true }).first().click()
  await story.getByRole('button', { name: /^Show (the other )?[0-9]+ lines/ }).first().click({ timeout: 60_000 })
  const apply = story.getByRole('button', { name: 'Set archive_command…' })
  await expect(apply).toBeVisible({ timeout: 60_000 })
  const dialog = story.getByRole('dialog')
  // An earlier check may have made an offer, too: until the new one is through, that is what is shown.
  await expect(async () => {
    await story.keyboard.press('Escape')
    await apply.click({ timeout: 5000 })
    await expect(dialog).toContainText(`before: ${plain}`, { timeout: 2000 })
  }).toPass({ timeout: 90_000 })
  await expect(dialog).toContainText('Set archive_command for shop-db?')
  await expect(dialog).toContainText('ALTER SYSTEM SET archive_command')
  await expect(dialog).toContainText('It is in force at once')
  await lookAtDialog(story, 'fix-dialog')
  expect(await command()).toBe(plain)
  await dialog.getByRole('button', { name: 'Set archive_command' }).click()
  await expect.poll(command, { timeout: 60_000 }).not.toBe(plain)
  expect(await command()).toContain(archiveDirectory)
  await expect(apply).toHaveCount(0, { timeout: 60_000 })
  await look(story, '/backup/what?set=nightly', 'what-after-fix')
})

test('an exclude that hits what PostgreSQL needs is refused where it is typed, one that does not is saved [B9] [P4]', async ({ story }) => {
  await story.goto('/backup/what?set=nightly')
  const excludes = story.getByRole('textbox', { name: 'Excludes' })
  await excludes.fill('log/*\nbase/**')
  await story.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(story.getByText('"base/**" would leave out base, which PostgreSQL needs.')).toBeVisible()
  await excludes.fill('log/*\n*.bak')
  await story.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(story.getByRole('status').filter({ hasText: 'Saved' })).toContainText('*.bak')
  await story.reload()
  await expect(excludes).toHaveValue('log/*\n*.bak')
})

test('the page of a source shows what its archive directory uses, and when it would be full [F5]', async ({ story }) => {
  await story.goto('/backup/what?set=nightly')
  const sources = (await (await story.request.get('/api/v1/sources')).json()) as { id: string; name: string }[]
  const id = sources.find(({ name }) => name === 'shop-db')?.id ?? ''
  await look(story, `/sources/${id}`, 'source-archive')
  await expect(story.getByText('Archive on the host')).toBeVisible()
})
