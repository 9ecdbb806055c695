// Contestants in turn, round after round, each from the same state of caches and memory; and the median of what each took.
import { readdir, writeFile } from 'node:fs/promises'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { must } from './commands.ts'
import type { BenchCluster } from './cluster.ts'
import type { Contestant } from './contestant.ts'
import { type Measured, measured } from './measure.ts'
import type { Cache } from './options.ts'

export interface Run extends Measured { storedBytes: number | null }
export interface Outcome { name: string; runs: Run[] }

/** Pure; of an even count the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]]
  if (low === undefined || high === undefined) throw new RangeError('There is no median of nothing.')
  return (low + high) / 2
}

async function readAll(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.parentPath.includes('/pg_wal')) continue
    for await (const _chunk of createReadStream(join(entry.parentPath, entry.name), { highWaterMark: 1 << 20 })) continue
  }
}

/**
 * What every run finds: nothing left to write, a checkpoint just made, and the caches dropped or holding the folders that will be read. Free memory that
 * a hypervisor took back costs whoever touches it first up to 2.5 s a GB (seen with free page reporting): every run begins with a part of it in hand.
 */
async function settle(cluster: BenchCluster, cache: Cache, reads: readonly string[]): Promise<void> {
  await cluster.sql('checkpoint')
  await must(['sync'])
  if (cache === 'cold') await writeFile('/proc/sys/vm/drop_caches', '3')
  await must([process.execPath, join(import.meta.dirname, 'touch-memory.ts')])
  if (cache === 'warm') for (const folder of reads) await readAll(folder)
}

export interface RoundsInput {
  cluster: BenchCluster
  contestants: readonly Contestant[]
  rounds: number
  cache: Cache
  /** Folders that a warm run finds in memory. */
  reads: readonly string[]
  say: (text: string) => void
}

export async function runRounds({ cluster, contestants, rounds, cache, reads, say }: RoundsInput): Promise<Outcome[]> {
  if (cache === 'cold' && process.getuid?.() !== 0) throw new Error('Only root may drop the caches of the system. Run it as root, or with --warm.')
  const outcomes: Outcome[] = contestants.map(({ name }) => ({ name, runs: [] }))
  for (let round = 1; round <= rounds; round++) {
    // Each comes first, second and last: what one leaves behind meets all of them.
    const [all, first] = [[...contestants.entries()], (round - 1) % contestants.length]
    for (const [number, contestant] of [...all.slice(first), ...all.slice(0, first)]) {
      await contestant.prepare()
      await settle(cluster, cache, reads)
      const one = await measured(() => contestant.run(), cluster.pid)
      outcomes[number]?.runs.push({ ...one, storedBytes: await contestant.stored() })
      await contestant.clear()
      say(`  round ${round}/${rounds} ${contestant.name}: ${one.seconds.toFixed(2)} s`)
    }
  }
  return outcomes
}
