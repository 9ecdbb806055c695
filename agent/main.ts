// The agent: one file with four doors (serve, run, bulk, version) and its worker threads behind the same entry.
import { isMainThread } from 'node:worker_threads'
import { bulk } from './bulk.ts'
import { runProcess } from './run.ts'
import { serve } from './serve.ts'
import { runThread } from './thread-main.ts'
import { AGENT_VERSION } from './version.ts'

const OLDEST_NODE = [22, 15] as const

const doors: Record<string, (args: string[]) => Promise<void>> = {
  serve: () => serve(),
  bulk: () => bulk(),
  async run([folder]) {
    if (folder === undefined) throw new Error('agent run needs the folder of the run.')
    await runProcess(folder)
  },
  async version() {
    process.stdout.write(`howdah agent ${AGENT_VERSION}\n`)
  },
}

function isNodeOldEnough(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])
}

if (!isMainThread) runThread()
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
