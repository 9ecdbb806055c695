// From nothing to a restored cluster in the browser, reading only the pages.
import { expect } from '@playwright/test'
import { navigation } from '#components/frame/navigation.ts'
import { stage } from './stage.ts'
import { administrator, expectAccessible, test } from './story.ts'
import { fileName, look } from './walk.ts'

test.describe.configure({ mode: 'serial' })

test('the first start asks for an administrator and signs in [L2]', async ({ story }) => {
  const { setupToken } = stage()
  await story.goto('/')
  await expect(story).toHaveURL(/first-start|sign-in/)
  await story.goto(`/first-start?token=${setupToken}`)
  await expectAccessible(story)
  await story.getByLabel('Name').fill(administrator.name)
  await story.getByLabel('E-mail address').fill(administrator.email)
  await story.getByLabel('Password', { exact: true }).fill('short')
  await story.getByRole('button', { name: 'Create administrator and sign in' }).click()
  await expect(story.getByText('at least 12 characters', { exact: false }).first()).toBeVisible()
  await story.getByLabel('Password', { exact: true }).fill(administrator.password)
  await story.getByRole('button', { name: 'Create administrator and sign in' }).click()
  await expect(story.getByRole('heading', { name: 'Welcome to Howdah' })).toBeVisible()
  await expectAccessible(story)
})

test('before anything is there every page says what to do first, wide and narrow, light and dark [P1] [P2] [P3] [P9] [P10] [P13] [P14]', async ({ story }) => {
  test.setTimeout(400_000)
  for (const target of navigation.flatMap((area) => [area, ...area.children])) await look(story, target.href, `empty-${fileName(target.href)}`)
  await story.goto('/')
})

test('a host is added, its key compared and confirmed, the agent deployed, its cluster found [P2] [A1] [A2]', async ({ story }) => {
  const { host, cluster } = stage()
  await story.getByRole('link', { name: 'Add a host' }).click()
  await story.getByLabel('Name', { exact: true }).fill('db-01')
  await story.getByLabel('Address', { exact: true }).fill('127.0.0.1')
  await story.getByLabel('SSH port').fill(String(host.port))
  await story.getByLabel('User', { exact: true }).fill(host.user)
  await story.getByRole('radio', { name: /key/i }).click()
  await story.getByRole('textbox', { name: 'Private key' }).fill(host.privateKey)
  await story.getByRole('button', { name: 'Add host and read its key' }).click()
  await expect(story.getByText(host.fingerprint).first()).toBeVisible()
  await story.getByLabel('Paste what it printed').fill(`256 SHA256:${'A'.repeat(43)} root@db-01 (ED25519)`)
  await expect(story.getByText('The fingerprints differ', { exact: false })).toBeVisible()
  await story.getByLabel('Paste what it printed').fill(`256 ${host.fingerprint} root@db-01 (ED25519)`)
  await expect(story.getByText('The fingerprints are equal', { exact: true })).toBeVisible()
  await expectAccessible(story)
  await story.getByRole('button', { name: /confirm this key/ }).click()
  await story.getByRole('button', { name: 'Deploy agent' }).click()
  await expect(story.getByText(cluster.dataDirectory).first()).toBeVisible({ timeout: 60_000 })
  await expectAccessible(story)
})

test('a storage device is added and tested [P14] [P5]', async ({ story }) => {
  await story.goto('/admin/storages/new')
  await story.getByLabel('Name', { exact: true }).fill('vault-a')
  await story.getByLabel('Root path').fill(stage().storage)
  await story.getByRole('button', { name: 'Add device and test it' }).click()
  await expect(story.getByText('vault-a').first()).toBeVisible()
  await expectAccessible(story)
})

test('a backup set is made and a source added from what was found, checked with its fixes [P3] [P4]', async ({ story }) => {
  const { cluster } = stage()
  await story.goto('/backup')
  await expectAccessible(story)
  await story.getByLabel('Name', { exact: true }).fill('nightly')
  await story.getByRole('button', { name: 'Create backup set' }).click()
  await story.getByRole('button', { name: 'Add source' }).first().click()
  await story.getByLabel('Host', { exact: true }).click()
  await story.getByRole('option', { name: /db-01/ }).click()
  // Other servers may run on this machine; the one meant is chosen from what was found.
  await story.getByLabel('Data directory').click()
  await story.getByRole('option', { name: cluster.dataDirectory }).click()
  await expect(story.getByLabel('Data directory')).toHaveValue(cluster.dataDirectory)
  await expect(story.getByLabel('Archive directory')).toHaveValue(cluster.archiveDirectory)
  await story.getByLabel('Name', { exact: true }).fill('shop-db')
  await expectAccessible(story)
  await story.getByRole('button', { name: 'Add source and check it' }).click()
  await expect(story.getByText('No storage device is chosen', { exact: false }).first()).toBeVisible({ timeout: 60_000 })
  await expect(story.getByText('ERROR', { exact: true })).toHaveCount(0)
  await expectAccessible(story)
})

test('where, how and when are filled in, saved with what changes, and reload identically [P5] [P6] [P7] [B1] [B13]', async ({ story }) => {
  await story.goto('/backup/where?set=nightly')
  await story.getByRole('radio', { name: /vault-a/ }).click()
  await story.getByRole('button', { name: 'Save device' }).click()
  await expect(story.getByText('Saved').first()).toBeVisible()
  await expectAccessible(story)

  await story.goto('/backup/how?set=nightly')
  await story.getByRole('spinbutton', { name: 'Workers per backup' }).fill('1')
  await story.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(story.getByText('Saved').first()).toBeVisible()
  await story.reload()
  await expect(story.getByRole('spinbutton', { name: 'Workers per backup' })).toHaveValue('1')
  await expectAccessible(story)

  await story.goto('/backup/when?set=nightly')
  await story.getByRole('button', { name: 'Every night at 01:30, a full on Sundays' }).click()
  await expect(story.getByRole('list', { name: 'Next runs' }).getByRole('listitem')).toHaveCount(5)
  await story.getByRole('button', { name: 'Save schedule' }).click()
  await expect(story.getByText('Saved').first()).toBeVisible()
  await story.reload()
  await expect(story.getByText(/01:30/).first()).toBeVisible()
  await expectAccessible(story)
})

test('a full backup is started by hand, watched live and ends OK, surviving a reload [P8] [P9] [J1]', async ({ story }) => {
  await story.goto('/backup/now?set=nightly')
  await expectAccessible(story)
  await story.getByRole('radio', { name: /^Full/ }).click()
  await story.getByRole('button', { name: 'Back up now' }).click()
  await expect(story).toHaveURL(/\/monitor\//)
  await story.reload()
  await expect(story.getByText('OK', { exact: true }).first()).toBeVisible({ timeout: 120_000 })
  await expectAccessible(story)
  await story.goto('/monitor')
  await expect(story.getByText('nightly').first()).toBeVisible()
  await expectAccessible(story)
})
