/** What is chosen survives the address. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { choiceParams, readChoice, targetKinds, targetOf, type Choice } from './choice.ts'

const again = (choice: Choice): Choice => {
  const params = choiceParams(choice)
  const query = new URLSearchParams(Object.entries(params).flatMap(([name, value]) => (value === null ? [] : [[name, value]])))
  return readChoice((name) => query.get(name))
}

test('a choice read back from the address asks for the same target [P11]', () => {
  const choices = fc.record({ kind: fc.constantFrom(...targetKinds), value: fc.constantFrom('', '2026-11-18T14:03:22.000Z', '3/A1F0', '4711', 'before migration'), inclusive: fc.boolean(), imageId: fc.constantFrom(null, '0199a8e2-7c1a-7000-8000-000000000001'), timeline: fc.constantFrom(null, 1, 7) })
  fc.assert(
    fc.property(choices, (choice) => {
      const back = again(choice)
      expect(targetOf(back)).toEqual(targetOf(choice))
      expect([back.imageId, back.timeline]).toEqual([choice.imageId, choice.timeline])
    }),
  )
})

test('an address somebody typed is read as the newest state where it makes no sense', () => {
  const get = (name: string) => ({ target: 'yesterday', image: 'x', timeline: '-1' })[name] ?? null
  expect(readChoice(get)).toEqual({ kind: 'latest', value: '', inclusive: true, imageId: null, timeline: null })
})

test('a value of the wrong shape is said before anything is sent [P11]', () => {
  const wrong = (kind: Choice['kind'], value: string) => 'wrong' in targetOf({ kind, value, inclusive: true, imageId: null, timeline: null })
  expect([wrong('time', 'noon'), wrong('lsn', '3-A1'), wrong('xid', 'x'), wrong('name', ''), wrong('time', '2026-11-18T14:03:22+01:00'), wrong('latest', '')]).toEqual([true, true, true, true, false, false])
})
