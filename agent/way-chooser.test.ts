// The cheaper way around or through the page cache is taken, and for a while only.
import { expect, test } from 'vitest'
import { type Way, wayChooser } from './way-chooser.ts'

const orders = [['direct', 'cached'], ['cached', 'direct']] as const
const costs = [{ direct: 40, cached: 50, wanted: 'direct' }, { direct: 40, cached: 39, wanted: 'cached' }] as const

test.each(orders.flatMap((order) => costs.map((cost) => ({ order, ...cost }))))('of $order the cheaper one is taken after each was tried, and both are tried again later ($direct ms, $cached ms)', ({ order, direct, cached, wanted }) => {
  const chooser = wayChooser(order, 32)
  const taken: string[] = []
  for (let stretch = 0; stretch < 2 * (2 + 32); stretch += 1) {
    taken.push(`${chooser.way}${chooser.isTrial ? '?' : ''}`)
    chooser.spent(chooser.way === 'direct' ? direct : cached)
  }
  const period = [...order.map((way) => `${way}?`), ...Array.from({ length: 32 }, (): Way => wanted)]
  expect(taken).toEqual([...period, ...period])
})

test.each(orders)('the first way, %s before %s, is not compared where it costs next to nothing', (...order) => {
  const chooser = wayChooser(order, 8)
  chooser.spent(8)
  expect([chooser.way, chooser.isTrial]).toEqual([order[0], false])
})
