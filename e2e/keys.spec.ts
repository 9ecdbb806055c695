// Admin ▸ Keys in a real browser: made, printed, chosen, used for a backup, rotated.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, type Page } from '@playwright/test'
import { stage } from './stage.ts'
import { test } from './story.ts'
import { look } from './walk.ts'

test.describe.configure({ mode: 'serial' })

const make = async (story: Page, name: string): Promise<void> => {
  await story.goto('/admin/keys')
  await story.getByRole('button', { name: 'Make a key' }).first().click()
  await story.getByLabel('Name').fill(name)
  await story.getByRole('button', { name: 'Make key' }).click()
  await expect(story.getByRole('heading', { level: 1, name })).toBeVisible()
}

test('an empty page says what a key is for [P14]', async ({ story }) => {
  await look(story, '/admin/keys', 'keys-empty')
  await expect(story.getByText('No key yet')).toBeVisible()
})

test('a key is made, its kit is shown, saved and printed, and the warning stays until somebody confirmed that [L8] [P14]', async ({ story }) => {
  await make(story, 'vault-one')
  await story.goto('/admin/keys')
  await expect(story.getByText('The kit of vault-one was never printed')).toBeVisible()
  await look(story, '/admin/keys', 'keys')
  await story.getByRole('link', { name: 'Open the kit' }).click()
  await story.getByRole('button', { name: 'Show the kit' }).click()
  const kit = story.getByRole('region', { name: 'Kit of vault-one' })
  await expect(kit).toContainText('AGE-SECRET-KEY-1')
  await expect(kit).toContainText('age -d -i key.txt')
  const [saved] = await Promise.all([story.waitForEvent('download'), story.getByRole('button', { name: 'Save as key.txt' }).click()])
  expect(saved.suggestedFilename()).toBe('key.txt')
  const recipient = execFileSync('age-keygen', ['-y', await saved.path()]).toString().trim()
  await expect(story.getByText(recipient).first()).toBeVisible()
  // On paper there is the kit and nothing else.
  await story.emulateMedia({ media: 'print' })
  await expect(kit).toBeVisible()
  await expect(story.getByRole('heading', { level: 1 })).toBeHidden()
  await expect(story.getByRole('navigation', { name: 'Main' })).toBeHidden()
  await story.emulateMedia({ media: 'screen' })
  await story.getByLabel('The kit is printed and lies in a safe place').click()
  await story.getByRole('button', { name: 'Confirm', exact: true }).click()
  await expect(story.getByText('Ada Lovelace said that it lies in a safe place')).toBeVisible()
  await look(story, new URL(story.url()).pathname, 'key')
  await story.goto('/admin/keys')
  await expect(story.getByText('was never printed')).toHaveCount(0)
})

test('a set is encrypted on the host by two choices, and its next full is unreadable without the key [B7] [P4]', async ({ story }) => {
  test.setTimeout(180_000)
  await story.goto('/backup/what?set=nightly')
  await story.getByRole('combobox', { name: 'Encryption', exact: true }).click()
  await story.getByRole('option', { name: 'On the host' }).click()
  await expect(story.getByRole('combobox', { name: 'Encryption key' })).toContainText('Default key (vault-one)')
  await story.getByRole('combobox', { name: 'Encryption key' }).click()
  await story.getByRole('option', { name: /^vault-one/ }).click()
  await story.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(story.getByRole('status').filter({ hasText: 'Saved' })).toContainText('On the host')
  const { runIds } = (await (await story.request.post(`/api/v1/sets/${await setId(story)}/backup`, { data: { level: 'full', checkFirst: true }, headers: { origin: stage().address } })).json()) as { runIds: string[] }
  await expect.poll(async () => ((await (await story.request.get(`/api/v1/runs/${runIds[0]}`)).json()) as { state: string }).state, { timeout: 120_000 }).toMatch(/succeeded|strange/)
  const folder = join(stage().storage, 'sets/nightly')
  const [source = ''] = readdirSync(folder).filter((name) => name !== 'set.json')
  const image = join(folder, source, 'images', runIds[0] ?? '')
  const stored = readdirSync(image)
  expect(stored.filter((name) => !name.endsWith('.age'))).toEqual(['image.json'])
  for (const name of stored.filter((one) => one.endsWith('.age'))) expect(readFileSync(join(image, name)).toString('latin1', 0, 22)).toBe('age-encryption.org/v1\n')
})

test('a key that is in use is retired for another one, which takes its place [L8]', async ({ story }) => {
  await make(story, 'vault-two')
  await story.goto('/admin/keys')
  await story.getByRole('link', { name: 'vault-one' }).click()
  await story.getByRole('button', { name: 'Retire key' }).click()
  const dialog = story.getByRole('dialog')
  await expect(dialog).toContainText('set nightly will use the other key')
  await dialog.getByRole('button', { name: 'Retire key' }).click()
  await expect(story.getByText('keep its kit as long as they are kept')).toBeVisible()
  await story.goto('/backup/what?set=nightly')
  await expect(story.getByRole('combobox', { name: 'Encryption key' })).toContainText('vault-two')
  // What follows in other files goes on without encryption.
  await story.getByRole('combobox', { name: 'Encryption', exact: true }).click()
  await story.getByRole('option', { name: 'None' }).click()
  await story.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(story.getByRole('status').filter({ hasText: 'Saved' })).toBeVisible()
})

async function setId(story: Page): Promise<string> {
  const sets = (await (await story.request.get('/api/v1/sets')).json()) as { id: string; name: string }[]
  return sets.find(({ name }) => name === 'nightly')?.id ?? ''
}
