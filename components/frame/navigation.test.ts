import { expect, test } from 'vitest'
import { roles } from '#lib/domain/role.ts'
import { isWithin, navigation, navigationFor, pageHref, setHref } from './navigation.ts'

const pages = navigation.flatMap((area) => [area, ...area.children])

test('every address is in the table once and a child lies below its area', () => {
  expect(new Set(pages.map((page) => page.href)).size).toBe(pages.length)
  for (const area of navigation) for (const child of area.children) expect(isWithin(child.href, area.href)).toBe(true)
})
test('who sees a page sees its area', () => {
  for (const area of navigation) for (const child of area.children) for (const role of child.roles) expect(area.roles).toContain(role)
})
test('every role finds the overview, and only an administrator finds users [L1]', () => {
  for (const role of roles) {
    const found = navigationFor(role).flatMap((area) => [area, ...area.children])
    expect(found.map((page) => page.href)).toContain('/')
    expect(found.some((page) => page.href === '/admin/users')).toBe(role === 'administrator')
  }
})
test('a RestoreOnly user finds restore and no backup pages [K11]', () => {
  const found = navigationFor('restore-only').map((area) => area.href)
  expect(found).toContain('/restore')
  expect(found).not.toContain('/backup')
})
test('the set stays in the address of pages about a set and nowhere else [P3]', () => {
  expect(pageHref({ href: '/backup/how', isSetScoped: true }, 'night & day')).toBe('/backup/how?set=night%20%26%20day')
  expect(pageHref({ href: '/admin/hosts', isSetScoped: false }, 'nightly')).toBe('/admin/hosts')
  expect(pageHref({ href: '/backup/how', isSetScoped: true }, null)).toBe('/backup/how')
})
test('choosing a set stays on the page where that has a meaning [P3]', () => {
  expect(setHref('/backup/how', 'b')).toBe('/backup/how?set=b')
  expect(setHref('/monitor/4711', 'b')).toBe('/monitor?set=b')
  expect(setHref('/admin/hosts', 'b')).toBe('/backup/what?set=b')
  expect(setHref('/', 'b')).toBe('/backup/what?set=b')
})
test('the overview is current only on itself', () => {
  expect(isWithin('/', '/')).toBe(true)
  expect(isWithin('/monitor', '/')).toBe(false)
  expect(isWithin('/monitoring', '/monitor')).toBe(false)
})
