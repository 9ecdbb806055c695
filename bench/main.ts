// `npm run bench`: makes or reuses a cluster, lets Howdah and its peers run in turn, prints what they took and writes RESULTS.md.
import { mkdir } from 'node:fs/promises'
import { rmSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { startAgent } from '#e2e/hosts/agent.ts'
import { benchSecondFolder } from '#lib/platform/env.ts'
import { buildAgentFile } from '#scripts/supervisor/agent-build.ts'
import { benchCluster } from './cluster.ts'
import { freshFolder, untilFilesCostLittle } from './commands.ts'
import { runJob } from './jobs.ts'
import { type Options, parseOptions, usage, UsageError } from './options.ts'
import { treeNow } from './process-tree.ts'
import { circumstances, sectionText, writeSection } from './results.ts'

/** However this process ends, nothing that it started stays: neither programs nor anything but the kept clusters. */
function cleanUpAtExit(scratch: string): void {
  process.on('exit', () => {
    for (const pid of treeNow(process.pid)) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
      }
    }
    rmSync(scratch, { recursive: true, force: true })
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))
}

async function bench(options: Options): Promise<void> {
  await mkdir(options.work, { recursive: true, mode: 0o755 })
  const scratch = await freshFolder(join(options.work, 'scratch'))
  cleanUpAtExit(scratch)
  const say = (text: string): void => console.log(text)
  await buildAgentFile(join(import.meta.dirname, '..'))
  await using agent = await startAgent()
  for (const job of options.jobs) {
    await using cluster = await benchCluster({ ...options, ...job }, say)
    await freshFolder(scratch)
    if (job.job === 'restore') await untilFilesCostLittle(scratch, say)
    say(`${job.job}: ${job.data}, ${job.rounds} rounds, ${job.caches.join(' and ')}`)
    await runJob({
      scene: { cluster, scratch, second: options.second, port: options.port }, agent, options, job, say,
      async done({ note, ...measured }) {
        const section = { ...measured, processors: cpus().length, notes: [note, `${circumstances(new Date())} ${job.rounds} rounds.`] }
        say(`\n${sectionText(section)}`)
        await writeSection(options.results, section)
      },
    })
  }
}

try {
  await bench(parseOptions(process.argv.slice(2), { second: benchSecondFolder() }))
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message}\n\n${usage}` : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
