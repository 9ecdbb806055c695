// What is to be applied follows from what is recorded, and every disagreement is refused with its reason.
import { expect, test } from 'vitest'
import { type Migration, pending, type Recorded } from './migrate.ts'

const migration = (name: string): Migration => ({ name, sql: '', checksum: `sum of ${name}` })
const recorded = (name: string, change: Partial<Recorded> = {}): Recorded => ({ migration_name: name, checksum: `sum of ${name}`, finished_at: new Date(0), rolled_back_at: null, ...change })
const all = ['0001_init', '0002_b', '0003_c'].map(migration)

test('a new catalog gets every migration in order', () => {
  expect(pending(all, []).map(({ name }) => name)).toEqual(['0001_init', '0002_b', '0003_c'])
})

test('what is recorded is not applied again', () => {
  expect(pending(all, [recorded('0001_init'), recorded('0002_b')]).map(({ name }) => name)).toEqual(['0003_c'])
})

test('a migration that was rolled back is applied again', () => {
  expect(pending(all, [recorded('0001_init'), recorded('0002_b', { rolled_back_at: new Date(0), finished_at: null })]).map(({ name }) => name)).toEqual(['0002_b', '0003_c'])
})

test.each([
  ['an edited migration', [recorded('0001_init', { checksum: 'other' })], /0001_init was edited after/],
  ['a catalog of a newer Howdah', [recorded('0001_init'), recorded('0009_future')], /newer Howdah: it has 0009_future/],
  ['a migration that another tool left half done', [recorded('0001_init', { finished_at: null })], /never finished/],
  ['a migration that comes too late', [recorded('0001_init'), recorded('0003_c')], /0002_b comes before 0003_c/],
])('%s is refused', (_, rows, message) => {
  expect(() => pending(all, rows)).toThrow(message)
})
