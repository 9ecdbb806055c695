// Storage devices in a real browser: a bucket of a real S3 server (OpenStack Swift with s3api) is added, tested, refused with wrong keys, and set right.
import { expect } from '@playwright/test'
import { swiftKeys, startSwift, type Swift } from './hosts/swift.ts'
import { expectAccessible, test } from './story.ts'
import { look, lookHere } from './walk.ts'

test.describe.configure({ mode: 'serial' })

let swift: Swift
test.beforeAll(async () => {
  swift = await startSwift()
  await swift.makeBucket('backups')
})
test.afterAll(async () => {
  await swift?.[Symbol.asyncDispose]()
})

test('a bucket with a wrong secret key is added, and its test says what is wrong and what to do [P5] [H2]', async ({ story }) => {
  await story.goto('/admin/storages/new')
  await story.getByLabel('Name', { exact: true }).fill('bucket-a')
  await story.getByRole('radio', { name: 'S3-compatible' }).click()
  await story.getByLabel('Endpoint').fill('storage.example.org')
  await story.getByRole('button', { name: 'Add device and test it' }).click()
  await expect(story.getByText('must look like https://s3.example.com', { exact: false })).toBeVisible()
  await expectAccessible(story)
  await story.getByLabel('Endpoint').fill(`http://127.0.0.1:${swift.port}`)
  await story.getByLabel('Bucket', { exact: true }).fill('backups')
  await story.getByLabel('Prefix').fill('howdah/browser')
  await story.getByLabel('Access key').fill(swiftKeys.accessKeyId)
  await story.getByLabel('Secret key').fill('not-the-key')
  await story.getByRole('radio', { name: 'Path' }).click()
  await story.getByRole('combobox', { name: 'Storage class' }).click()
  await story.getByRole('option', { name: 'STANDARD', exact: true }).click()
  await lookHere(story, 'storage-s3-form')
  await story.getByRole('button', { name: 'Add device and test it' }).click()
  await expect(story.getByText('The secret key does not fit the access key', { exact: false }).first()).toBeVisible({ timeout: 30_000 })
  await expect(story.getByText('Enter access key and secret key anew', { exact: false }).first()).toBeVisible()
})

test('with the right key the test passes; the key is kept by an empty field and shown nowhere [P5] [H2] [A7]', async ({ story }) => {
  await story.getByRole('button', { name: 'Change' }).click()
  await expect(story.getByLabel('Secret key')).toHaveValue('')
  await story.getByLabel('Secret key').fill(swiftKeys.secretAccessKey)
  await story.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(story.getByRole('status').filter({ hasText: 'Secret key' })).toContainText('a new one')
  await story.getByRole('button', { name: 'Test now' }).click()
  await expect(story.getByText('A test file was written, read back and removed').first()).toBeVisible({ timeout: 30_000 })
  await story.getByRole('button', { name: 'Change' }).click()
  await story.getByLabel('Quota').fill('2')
  await story.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(story.getByRole('status').filter({ hasText: 'Quota' })).toContainText('2.0 GiB')
  await story.getByRole('button', { name: 'Test now' }).click()
  await expect(story.getByText('free of 2 GiB', { exact: false }).first()).toBeVisible({ timeout: 30_000 })
  const path = new URL(story.url()).pathname
  await look(story, path, 'storage-s3')
  await expect(story.getByText('s3://backups/howdah/browser').first()).toBeVisible()
  expect(await story.content()).not.toContain(swiftKeys.secretAccessKey)
  await look(story, '/admin/storages', 'storages')
})

test('a bucket is offered in Backup ▸ Where, and a device can be added there [P5]', async ({ story }) => {
  await story.goto('/backup/where?set=nightly')
  await expect(story.getByRole('radio', { name: 'bucket-a' })).toBeVisible()
  await story.getByRole('button', { name: 'Add device' }).click()
  await story.getByRole('radio', { name: 'S3-compatible' }).click()
  await expect(story.getByLabel('Endpoint')).toBeVisible()
  await expectAccessible(story)
})
