// The agent: one file with six doors (serve, run, bulk, combine, recover, version) and its worker threads behind the same entry; each loads only what it needs.
import { isMainThread } from 'node:worker_threads'
import { AGENT_VERSION } from './version.ts'

const OLDEST_NODE = [22, 15] as const

const doors: Record<string, (args: string[]) => Promise<void>> = {
  serve: async () => (await import('./serve.ts')).serve(),
  bulk: async () => (await import('./bulk.ts')).bulk(),
  async run([folder, part, count]) {
    if (folder === undefined) throw new Error('agent run needs the folder of the run.')
    const { startThread, threadParts, threadsAhead } = await import('./threads.ts')
    const known = threadParts.find((one) => one === part)
    const start = known === undefined ? startThread : threadsAhead({ part: known, count: Number(count) })
    await (await import('./run.ts')).runProcess(folder, start)
  },
  async combine([output, ...images]) {
    const { combine, COMBINE_USAGE } = await import('./combine.ts')
    if (output === undefined || images.length < 2) throw new Error(COMBINE_USAGE)
    const { files, rebuilt } = await combine(output, images)
    process.stdout.write(`${files} files in ${output}, ${rebuilt} of them put together from changed blocks\n`)
  },
  async recover(args) {
    process.exitCode = await (await import('./recover-door.ts')).recover(args)
  },
  async version() {
    process.stdout.write(`howdah agent ${AGENT_VERSION}\n`)
  },
}

function isNodeOldEnough(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])
}

if (!isMainThread) await (await import('./thread-main.ts')).runThread()
else {
  const [door = '', ...args] = process.argv.slice(2)
  const open = doors[door]
  if (!isNodeOldEnough()) {
    process.stderr.write(`The Howdah agent needs Node ${OLDEST_NODE.join('.')} or newer; this is ${process.version}.\n`)
    process.exitCode = 3
  } else if (open === undefined) {
    process.stderr.write(`usage: agent.mjs ${Object.keys(doors).join(' | ')}\n`)
    process.exitCode = 2
  } else {
    process.umask(0o077)
    open(args).then(
      () => process.exit(),
      (error: unknown) => {
        process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
        process.exit(1)
      },
    )
  }
}
