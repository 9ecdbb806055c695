// Processes of this machine by the words they were started with, for tests that end or look into them.
import { readdir } from 'node:fs/promises'
import { commandLine } from '#lib/platform/process-table.ts'

/** Process ids whose words `isMeant` takes, in no order. A process that ends while they are read is left out. */
export async function processesOf(isMeant: (words: readonly string[]) => boolean): Promise<number[]> {
  const pids: number[] = []
  for (const name of await readdir('/proc')) if (/^\d+$/.test(name) && isMeant(await commandLine(Number(name)))) pids.push(Number(name))
  return pids
}
