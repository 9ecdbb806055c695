// Every page of the console, full: in light and dark, wide and narrow, and for each role.
import { expect } from '@playwright/test'
import * as z from 'zod'
import { navigation, navigationFor, pageHref } from '#components/frame/navigation.ts'
import { roles } from '#lib/domain/role.ts'
import { stage } from './stage.ts'
import { expectAccessible, test } from './story.ts'
import { fileName, look } from './walk.ts'

const Named = z.array(z.object({ id: z.string() }))
const everyPage = navigation.flatMap((area) => [area, ...area.children])

test('every page of the navigation shows what there is, wide and narrow, light and dark [P1] [P2] [P3] [P4] [P5] [P6] [P7] [P8] [P9] [P10] [P11] [P12] [P13] [P14]', async ({ story }) => {
  test.setTimeout(400_000)
  for (const target of everyPage) await look(story, pageHref(target, target.href === '/' ? null : 'nightly'), `full-${fileName(target.href)}`)
})

test('the pages of one host, source, device and run show what there is [P2] [P9] [P14]', async ({ story }) => {
  test.setTimeout(200_000)
  const first = async (path: string): Promise<string> => Named.parse(await (await story.request.get(`/api/v1${path}`)).json())[0]?.id ?? ''
  const { groups } = z.object({ groups: z.array(z.object({ id: z.string(), kind: z.string() })) }).parse(await (await story.request.get('/api/v1/runs')).json())
  const backup = groups.find(({ kind }) => kind === 'backup')?.id ?? ''
  for (const path of [`/admin/hosts/${await first('/hosts')}`, `/sources/${await first('/sources')}`, `/admin/storages/${await first('/storages')}`, `/monitor/${backup}`]) await look(story, path, `full-${fileName(path.replace(/[0-9a-f-]{36}/, 'one'))}`)
})

test('each role finds its pages and no others, and none of them fails [L1] [P14]', async ({ story, browser }) => {
  test.setTimeout(400_000)
  for (const role of roles) {
    const email = `${role}@example.com`
    const password = 'correct horse battery'
    const made = await story.request.post('/api/v1/users', { data: { name: role, email, role, password }, headers: { origin: stage().address } })
    expect(made.status(), role).toBeLessThan(300)
    const context = await browser.newContext({ baseURL: stage().address, viewport: { width: 1440, height: 900 } })
    const page = await context.newPage()
    await page.goto('/sign-in')
    await page.getByLabel('E-mail address').fill(email)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    const main = page.getByRole('navigation', { name: 'Main' })
    await expect(main).toBeVisible()
    const areas = navigationFor(role)
    for (const area of navigation) await expect(main.getByRole('link', { name: area.label, exact: true }).first(), `${role}: ${area.label}`).toBeVisible({ visible: areas.some(({ label }) => label === area.label) })
    for (const target of areas.flatMap((area) => [area, ...area.children])) {
      await page.goto(pageHref(target, target.href === '/' ? null : 'nightly'))
      await expect(page.getByRole('heading', { level: 1 }), `${role} ${target.href}`).toBeVisible()
      await expect(page.getByRole('button', { name: 'Try again' }), `${role} ${target.href}`).toHaveCount(0)
    }
    await expectAccessible(page)
    await context.close()
  }
})
