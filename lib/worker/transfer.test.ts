// Transfers of a run: a few at a time, and none that writes on when the run has failed.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { transfers } from './transfer.ts'

test('transfers that are abandoned end before they are left, and those that wait never begin [D3]', async () => {
  const pulls = transfers(2)
  const said: string[] = []
  const work = (name: string) => async (): Promise<void> => {
    said.push(`${name} begins`)
    try {
      for (;;) {
        await sleep(1)
        pulls.check()
      }
    } finally {
      await sleep(20)
      said.push(`${name} ends`)
    }
  }
  for (const name of ['a', 'b', 'c']) pulls.add(work(name))
  await sleep(5)
  await pulls.abandon(5_000)
  expect(said.toSorted()).toEqual(['a begins', 'a ends', 'b begins', 'b ends'])
  await expect(pulls.settled()).rejects.toThrow('abandoned')
})

test('one that does not end is waited for as long as is said, and no failure stays nothing to wait for [D3]', async () => {
  const stuck = transfers(1)
  stuck.add(() => new Promise(() => {}))
  await stuck.abandon(20)
  const idle = transfers(1)
  idle.add(async () => {})
  await idle.settled()
  idle.check()
  await idle.abandon(60_000)
})
