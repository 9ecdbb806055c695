// Looks at pages as people of every taste do: light and dark, wide and narrow, by axe, and as pictures where asked for.
import { expect, type Page } from '@playwright/test'
import { expectNoViolations, pictures } from './story.ts'

const sizes = [
  { name: '1440', width: 1440, height: 900 },
  { name: '390', width: 390, height: 844 },
] as const
const schemes = ['light', 'dark'] as const

/** The page is there with its heading, shows no failure, fits its width, and is accessible, in each look. It is loaded once: looks are a matter of its styles. */
export async function look(page: Page, path: string, name: string): Promise<void> {
  await page.goto(path)
  await inEachLook(page, name, async (size) => {
    await expect(page.getByRole('heading', { level: 1 }), path).toBeVisible()
    await expect(page.getByRole('button', { name: 'Try again' }), path).toHaveCount(0)
    await expect(page.locator('[role=status]', { hasText: 'Loading' }), path).toHaveCount(0)
    await fits(page, `${path} at ${size} px`)
  })
}

/** The page as it stands, with what was typed into it. */
export const lookHere = (page: Page, name: string): Promise<void> => inEachLook(page, name, (size) => fits(page, `${name} at ${size} px`))

/** A dialog that is open stays open while it is looked at. */
export const lookAtDialog = (page: Page, name: string): Promise<void> =>
  inEachLook(page, name, async (size) => {
    await expect(page.getByRole('dialog')).toBeVisible()
    await fits(page, `${name} at ${size} px`)
  })

async function fits(page: Page, what: string): Promise<void> {
  const [content, width] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth] as const)
  expect(content, `${what} is wider than its window`).toBeLessThanOrEqual(width)
}

/** Colours that fade into the other scheme are there. */
const settle = (page: Page): Promise<void> =>
  page.evaluate(() => {
    for (const animation of document.getAnimations()) if (animation.effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY) animation.finish()
  })

async function inEachLook(page: Page, name: string, arrive: (size: string) => Promise<void>): Promise<void> {
  for (const size of sizes) {
    await page.setViewportSize(size)
    for (const colorScheme of schemes) {
      // The narrow dark page differs from both others in nothing that could be measured; it is looked at as a picture.
      if (pictures === undefined && size.name === '390' && colorScheme === 'dark') continue
      await page.emulateMedia({ colorScheme })
      await arrive(size.name)
      await settle(page)
      await expectNoViolations(page)
      if (pictures !== undefined) await page.screenshot({ path: `${pictures}/${name}-${colorScheme}-${size.name}.png`, fullPage: true })
    }
  }
  await page.setViewportSize(sizes[0])
  await page.emulateMedia({ colorScheme: 'light' })
}

export const fileName = (path: string): string => path.replaceAll(/[^a-z0-9]+/gi, '-').replaceAll(/^-|-$/g, '') || 'overview'
