// Chains against walking the bases by hand.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { byAge, chainOf, rootOf } from './chain.ts'
import { simulate, stepsOf } from './simulated-server.ts'

const lives = fc.array(fc.nat(100_000), { minLength: 1, maxLength: 25, size: 'max' }).map(numbers => simulate(stepsOf(numbers)).images)

test('a chain begins at a full, ends at its image, and each one stands on the one before [E4] [M10]', () => {
  fc.assert(
    fc.property(lives, images => {
      for (const image of images) {
        const chain = chainOf(image, images)
        if ('missing' in chain) throw new Error(chain.missing)
        expect([chain[0]?.level, chain.at(-1)]).toEqual([0, image])
        chain.slice(1).forEach((one, index) => expect([one.baseImageId, one.level > chain[index]!.level]).toEqual([chain[index]!.id, true]))
        expect(rootOf(image, images)).toBe(chain[0])
      }
    }),
  )
})

test('whichever image is taken away, every chain through it names it as missing and no other chain breaks [G2] [M2]', () => {
  fc.assert(
    fc.property(lives, fc.nat(), (images, pick) => {
      if (images.length === 0) return
      const lost = images[pick % images.length]!
      const rest = images.filter(image => image !== lost)
      for (const image of rest) {
        const whole = chainOf(image, images)
        const expected = Array.isArray(whole) && whole.includes(lost) ? { missing: lost.id } : whole
        expect(chainOf(image, rest)).toEqual(expected)
      }
    }),
  )
})

test('bases in a circle, of the same level or of another system end as a broken chain, not as a hang', () => {
  const [one] = simulate([{ do: 'full', bytes: 1 }]).images
  const a = { ...one!, id: 'a', level: 1, baseImageId: 'b' }
  const b = { ...one!, id: 'b', level: 1, baseImageId: 'a' }
  expect(chainOf(a, [a, b])).toEqual({ missing: 'b' })
  expect(chainOf({ ...a, baseImageId: 'c' }, [a, { ...one!, id: 'c', systemIdentifier: '9' }])).toEqual({ missing: 'c' })
  expect(chainOf({ ...a, baseImageId: null }, [a])).toEqual({ missing: 'a' })
  expect([b, a].toSorted(byAge)).toEqual([b, a])
})
