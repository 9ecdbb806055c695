// One run on the clock: seconds, CPU seconds of the whole process tree, and the memory of its largest process.
import { setTimeout as sleep } from 'node:timers/promises'
import { busySeconds, peakRss, tree } from './process-tree.ts'

const LOOK_MS = 400

export interface Measured {
  seconds: number
  /** User and system of everything this benchmark started: the contestant, sshd and the server's work for it. */
  cpuSeconds: number
  /** Of the largest process that began in this run, the server's excepted. */
  peakRssBytes: number
  /** CPU seconds that everything else on this machine used meanwhile: what disturbed the measurement. */
  othersCpuSeconds: number
}

const cpuOf = async (): Promise<number> => (await tree(process.pid)).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)

/** `serverPid`: its processes count for CPU and not for memory, whose shared buffers are nobody's. */
export async function measured(work: () => Promise<void>, serverPid: number): Promise<Measured> {
  const before = new Set((await tree(process.pid)).map(({ pid }) => pid))
  const over = new AbortController()
  let peakRssBytes = 0
  async function watch(): Promise<void> {
    while (!over.signal.aborted) {
      const servers = new Set((await tree(serverPid)).map(({ pid }) => pid))
      for (const { pid } of await tree(process.pid)) if (!before.has(pid) && !servers.has(pid)) peakRssBytes = Math.max(peakRssBytes, await peakRss(pid))
      await sleep(LOOK_MS, undefined, { signal: over.signal }).catch(() => undefined) // over: looked at enough
    }
  }
  const [cpuBefore, busyBefore] = [await cpuOf(), await busySeconds()]
  const watched = watch()
  const begin = performance.now()
  try {
    await work()
    const seconds = (performance.now() - begin) / 1000
    const cpuSeconds = (await cpuOf()) - cpuBefore
    return { seconds, cpuSeconds, peakRssBytes, othersCpuSeconds: Math.max(0, (await busySeconds()) - busyBefore - cpuSeconds) }
  } finally {
    over.abort()
    await watched
  }
}
