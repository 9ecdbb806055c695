// Reports in the browser: what the first path left behind, told by day, source, host, device and image, with numbers that agree.
import { readFile } from 'node:fs/promises'
import { expect } from '@playwright/test'
import * as z from 'zod'
import { sharesOf } from '#components/reports/media-shares.ts'
import { Source } from '#lib/contract/sets.ts'
import { Media, Storage } from '#lib/contract/storages.ts'
import { expectAccessible, test } from './story.ts'

test.describe.configure({ mode: 'serial' })

const Row = z.object({ runId: z.string(), state: z.string(), level: z.number().nullable(), rawBytes: z.number(), storedBytes: z.number() })
const Runs = z.object({ rows: z.array(Row), totals: z.object({ all: z.object({ runs: z.number(), storedBytes: z.number() }) }) })

test('the calendar marks the day, its summary has totals and every run, and a row leads to its restore [P10] [J3] [K1]', async ({ story }) => {
  await story.goto('/reports')
  await story.getByRole('region', { name: 'Backup runs by day' }).getByRole('link').last().click()
  await expect(story).toHaveURL(/[?&]day=\d{4}-\d\d-\d\d/)
  const totals = story.getByRole('table', { name: 'Totals of fulls and incrementals' })
  const summary = story.getByRole('table', { name: /^Backup runs, / })
  await expect(summary.getByRole('row')).not.toHaveCount(1)
  const begin = new Date(`${new URL(story.url()).searchParams.get('day') ?? ''}T00:00:00`)
  const answer = Runs.parse(await (await story.request.get(`/api/v1/reports/runs?from=${begin.toISOString()}`)).json())
  await expect(summary.getByRole('row')).toHaveCount(answer.rows.length + 1)
  await expect(totals.getByRole('row', { name: /^Backups with an image/ }).getByRole('cell').first()).toHaveText(String(answer.totals.all.runs))
  await expectAccessible(story)
  await summary.getByRole('row', { name: /full/ }).first().getByRole('link', { name: 'Restore this' }).click()
  await expect(story).toHaveURL(/\/restore\/what\?.*image=/)
  await expect(story.getByRole('heading', { name: 'Restore what' })).toBeVisible()
})

test('the timeline shows runs by source and the phases of one start, with the same as a table [P10]', async ({ story }) => {
  await story.goto('/reports/timeline')
  const runs = story.getByRole('region', { name: 'Backup runs by source' })
  await expect(runs.getByRole('link', { name: /^shop-db: full, OK/ }).first()).toBeVisible()
  // Runs of one minute lie over each other in the picture of a day; the keyboard reaches each of them.
  await runs.getByRole('link', { name: /^shop-db: full, OK/ }).first().press('Enter')
  await expect(story).toHaveURL(/[?&]group=/)
  const phases = story.getByRole('region', { name: /^Phases of / })
  await expect(phases.getByText('Copy', { exact: true }).first()).toBeVisible()
  await expectAccessible(story)
})

test('hosts say what succeeded last and which agent they have [P10]', async ({ story }) => {
  await story.goto('/reports/hosts?set=nightly')
  const host = story.getByRole('table', { name: 'Hosts' }).getByRole('row', { name: /db-01/ })
  await expect(host).toContainText('Online')
  await expect(host.getByRole('link', { name: /^shop-db, / })).toHaveAttribute('href', /\/monitor\//)
  await expectAccessible(story)
})

test('media add up to what the device holds, and say when each image goes [P10] [J3] [J4]', async ({ story }) => {
  const read = async (path: string): Promise<unknown> => (await story.request.get(`/api/v1/${path}`)).json()
  const devices = async () => z.array(Storage).parse(await read('storages'))
  const device = (await devices()).find(({ name }) => name === 'vault-a')
  // WAL may arrive between two questions: asked again, they agree.
  await expect(async () => {
    const shares = sharesOf(Media.parse(await read(`storages/${device?.id ?? ''}/media`)), z.array(Source).parse(await read('sources')))
    expect(shares.reduce((sum, share) => sum + share.totalBytes, 0)).toBe((await devices()).find(({ id }) => id === device?.id)?.usedBytes)
  }).toPass({ timeout: 15_000 })
  await story.goto(`/reports/media?storage=${device?.id ?? ''}`)
  await expect(story.getByRole('table', { name: 'Room on vault-a by source' }).getByRole('row', { name: /shop-db/ })).toContainText(/\d %/)
  await expect(story.getByRole('table', { name: 'When images on vault-a go' }).getByText(/^Not before/).first()).toBeVisible()
  await expectAccessible(story)
  await story.goto('/reports/media?storage=unheard-of')
  await expect(story.getByText('There is no storage device of this address').first()).toBeVisible()
})

test('an image is verified from its report, which tells its digests and the outcome [P10] [J5]', async ({ story }) => {
  await story.goto('/reports/integrity')
  const images = story.getByRole('table', { name: 'Integrity of images' })
  const full = images.getByRole('row', { name: /full/ }).last()
  await full.getByRole('button', { name: 'Verify…' }).click()
  await expect(story.getByRole('dialog')).toContainText('back from storage')
  await story.getByRole('dialog').getByRole('button', { name: 'Verify 1 image' }).click()
  await expect(full).toContainText('Every digest agrees', { timeout: 60_000 })
  await expectAccessible(story)
  await full.getByRole('link', { name: 'shop-db' }).click()
  await expect(story.getByRole('dialog').getByText(/^[0-9a-f]{64}$/).first()).toBeVisible()
  await expectAccessible(story)
})

test('a custom report has the chosen columns and filters, survives a reload, and downloads as CSV [P10]', async ({ story }) => {
  await story.goto('/reports/custom')
  await story.getByLabel('Level', { exact: true }).first().click()
  await story.getByRole('option', { name: 'Full' }).click()
  await story.getByRole('checkbox', { name: 'Rate' }).click()
  await expect(story).toHaveURL(/columns=.*rate/)
  await story.reload()
  const table = story.getByRole('table', { name: 'Backup runs of the custom report' })
  await expect(table.getByRole('columnheader', { name: 'Rate' })).toBeVisible()
  await expect(table.getByText(/^level \d/)).toHaveCount(0)
  await expectAccessible(story)
  const rows = (await table.getByRole('row').count()) - 1
  const [download] = await Promise.all([story.waitForEvent('download'), story.getByRole('button', { name: 'Download as CSV' }).click()])
  const lines = (await readFile(await download.path(), 'utf8')).trim().split('\r\n')
  expect(lines[0]).toBe('Source,Backup set,Level,Outcome,Original,Stored,Duration,Rate,Started')
  expect(lines).toHaveLength(rows + 1)
  await story.getByLabel('Name contains').fill('no such name')
  await expect(story.getByText('No run matches the filters')).toBeVisible()
  await story.getByRole('button', { name: 'Show all of the last 30 days' }).click()
  await expect(story.getByLabel('Name contains')).toHaveValue('')
  await expect(table.getByRole('row').nth(1)).toBeVisible()
})

test('trends draw sizes, durations, ratio and the data, each with its table [P10]', async ({ story }) => {
  await story.goto('/reports/trends')
  for (const [index, label] of ['Stored bytes', 'Duration of backups', 'Size of the data', 'Compression ratio'].entries()) {
    await story.getByText('Show as table').nth(index).click()
    await expect(story.getByRole('table', { name: label }).getByRole('row').nth(1)).toBeVisible()
  }
  await expectAccessible(story)
})

test('a report of what does not exist says so and what to do, at the width of a phone too [P10]', async ({ story }) => {
  await story.goto('/reports?set=unheard-of')
  await expect(story.getByText('There is no backup set unheard-of')).toBeVisible()
  await story.setViewportSize({ width: 390, height: 844 })
  for (const page of ['', '/timeline', '/hosts', '/media', '/integrity', '/custom', '/trends']) {
    await story.goto(`/reports${page}`)
    await expect(story.getByRole('navigation', { name: 'Reports' })).toBeVisible()
    await expect(story.getByText('shop-db').first()).toBeAttached()
    expect(await story.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), `${page} is wider than the screen`).toBeLessThanOrEqual(0)
  }
  await story.setViewportSize({ width: 1440, height: 900 })
})
