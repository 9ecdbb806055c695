// One browser page through a whole story: the tests of a file go on where the one before stopped, as a person does.
import AxeBuilder from '@axe-core/playwright'
import { expect, type Page, test as base } from '@playwright/test'
import * as z from 'zod'
import { stage } from './stage.ts'

/** Signed in as the administrator that the first start made; `story` keeps one page for all tests of a worker. */
export const administrator = { name: 'Ada Lovelace', email: 'ada@example.com', password: 'correct horse battery' }

export const test = base.extend<object, { story: Page }>({
  story: [
    async ({ browser }, use) => {
      const context = await browser.newContext({ baseURL: stage().address, viewport: { width: 1440, height: 900 }, permissions: ['clipboard-read', 'clipboard-write'] })
      const page = await context.newPage()
      const errors: string[] = []
      page.on('console', (message) => message.type() === 'error' && !isExpected(message.text()) && errors.push(message.text()))
      page.on('pageerror', (error) => errors.push(error.message))
      await signIn(page)
      await use(page)
      await context.close()
      expect(errors, 'errors in the browser console').toEqual([])
    },
    { scope: 'worker' },
  ],
})

/** A file of its own, or one that goes on after a failure, starts signed in; before the first start there is nobody to sign in as. */
async function signIn(page: Page): Promise<void> {
  const status = await page.request.get('/api/v1/session')
  const { needsFirstStart } = z.object({ needsFirstStart: z.boolean() }).parse(await status.json())
  if (needsFirstStart) return
  await page.goto('/sign-in')
  await page.getByLabel('E-mail address').fill(administrator.email)
  await page.getByLabel('Password', { exact: true }).fill(administrator.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('navigation', { name: 'Main' })).toBeVisible()
}

/** A refused request is an answer that the page shows; the browser logs it all the same. */
const isExpected = (text: string): boolean => /Failed to load resource: the server responded with a status of 4\d\d/.test(text)

/** A folder for pictures of what tests look at; nothing is taken without it. */
export const pictures = process.env['HOWDAH_PICTURES']

/** WCAG AA, no exceptions. In one step and in the page itself, which has no frames of others: the other way opens a page more for each look, and takes twice as long. */
export async function expectNoViolations(page: Page): Promise<void> {
  await expect(page).toHaveTitle(/./) // it comes with the page's data
  const { violations } = await new AxeBuilder({ page }).setLegacyMode().withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze()
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`)).toEqual([])
}

/** A state within a story: accessible as it stands, and shown in a picture where that is asked for, so that each state can be looked at. */
export async function expectAccessible(page: Page): Promise<void> {
  await expectNoViolations(page)
  if (pictures === undefined) return
  const { titlePath, title } = test.info()
  const name = [titlePath[0] ?? '', String(test.info().attachments.length), title].map((part) => part.replaceAll(/[^a-z0-9]+/gi, '-')).join('-').slice(0, 100)
  for (const { size, colorScheme } of [{ size: { width: 1440, height: 900 }, colorScheme: 'light' }, { size: { width: 390, height: 844 }, colorScheme: 'dark' }] as const) {
    await page.setViewportSize(size)
    await page.emulateMedia({ colorScheme })
    const path = `${pictures}/${name}-${colorScheme}-${size.width}.png`
    await page.screenshot({ path, fullPage: true })
    await test.info().attach(path, { path })
  }
  await page.setViewportSize({ width: 1440, height: 900 })
  await page.emulateMedia({ colorScheme: 'light' })
}
