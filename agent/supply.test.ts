// Files are asked for a few at a time, ahead of the work, and everybody gets what they need.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { problem } from '#lib/domain/problem.ts'
import { usedMark } from './folder.ts'
import { dealParts, inExpectedOrder, type Part } from './restore-parts.ts'
import type { RunContext } from './run.ts'
import { supply } from './supply.ts'

const folder = mkdtempSync(join(tmpdir(), 'howdah-supply-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A run whose console sends what is asked for at once, unless it is told not to. */
function running({ sends = true } = {}) {
  const spool = mkdtempSync(join(folder, 'spool-'))
  const asked: string[] = []
  const stop = new AbortController()
  const aborted = new Promise<never>((_, reject) => stop.signal.addEventListener('abort', () => reject(stop.signal.reason as Error)))
  aborted.catch(() => {})
  const run: RunContext = {
    runId: 'run', folder, spool, signal: stop.signal,
    fail: (reason) => stop.abort(reason),
    emit(body) {
      if (body.kind !== 'need') return
      asked.push(body.name)
      mkdirSync(dirname(join(spool, body.name)), { recursive: true })
      if (sends) writeFileSync(join(spool, body.name), body.name)
    },
    guard: (work) => Promise.race([work, aborted]),
    startThread: () => {
      throw new Error('Nothing here needs a thread.')
    },
  }
  return { run, asked, spool, open: () => asked.filter((name) => !existsSync(usedMark(spool, name))).length }
}

/** Stripes in parts: each needs some volumes, and the next may begin with the volume that this one ended with. */
const stripes = fc.array(fc.array(fc.record({ count: fc.nat(4), goesOn: fc.boolean(), bytes: fc.nat(100) }), { maxLength: 8 }), { maxLength: 4 }).map((all) => all.flatMap((parts, number): Part[] => {
  const stripe = `data-${number + 1}`
  let last = 0
  return parts.map(({ count, goesOn, bytes }, at) => {
    const first = goesOn && last > 0 ? last : last + 1
    if (count > 0) last = first + count - 1
    return { image: 0, stripe, begin: at, end: at + 1, bytes, volumes: Array.from({ length: count }, (_, index) => ({ name: `${stripe}-${first + index}`, sizeBytes: 1, rawBytes: 1, sha256: '' })) }
  })
}))
const namesOf = ({ volumes }: Part): string[] => volumes.map(({ name }) => name)

test('whatever the stripes and however many threads restore them: all get their volumes, each is asked for once and kept until the last is done with it, and never more than allowed lie there [D13]', async () => {
  await fc.assert(fc.asyncProperty(stripes, fc.integer({ min: 1, max: 3 }), fc.infiniteStream(fc.nat(2)), async (parts, threads, waits) => {
    const { run, asked, spool, open } = running()
    const limit = threads + 1
    const files = supply(run, limit, inExpectedOrder(parts, threads).map(namesOf))
    const next = dealParts(parts)
    await Promise.all(Array.from({ length: threads }, async (_, thread) => {
      for (let part = next(thread); part !== null; part = next(thread)) {
        const names = namesOf(part)
        const have: string[] = []
        const fetching = (async () => {
          for (const name of names) {
            await files.get(name)
            have.push(name)
          }
        })()
        for (const [at, name] of names.entries()) {
          while (have.length <= at) await sleep(1)
          expect(existsSync(join(spool, name))).toBe(true)
          expect(open()).toBeLessThanOrEqual(limit)
          for (const ms of waits.take(1)) await sleep(ms)
          await files.used(name)
        }
        await fetching
      }
    }))
    const names = [...new Set(parts.flatMap(namesOf))]
    expect(asked.toSorted()).toEqual(names.toSorted())
    for (const name of names) expect(existsSync(join(spool, name))).toBe(false)
  }), { numRuns: 60 })
}, 60_000)

test('files of work that nobody has begun are fetched as far as there is room', async () => {
  const { run, asked } = running()
  const files = supply(run, 3, [['a', 'b'], ['b', 'c'], ['d']])
  await expect.poll(() => asked, { timeout: 10_000 }).toEqual(['a', 'b', 'c'])
  await files.used('a')
  await expect.poll(() => asked, { timeout: 10_000 }).toEqual(['a', 'b', 'c', 'd'])
  await files.used('b')
  await sleep(20)
  expect(asked).toHaveLength(4)
})

test('when the run ends, whoever waits for a file hears why', async () => {
  const { run } = running({ sends: false })
  const files = supply(run, 1, [['a'], ['b']])
  const waiting = [files.get('a'), files.get('b')]
  run.fail(problem('cancelled', 'The run was cancelled'))
  for (const one of waiting) await expect(one).rejects.toThrow('The run was cancelled')
})
