// The `serve` door: requests in as JSON lines on stdin, answers out on stdout, in any order; it ends with its connection.
import { Request, type Method, methods, type Params, type Response, type Result } from '#lib/protocol/methods.ts'
import { lineDecoder } from '#lib/protocol/lines.ts'
import { checkCluster } from './check.ts'
import { estimateCluster } from './estimate.ts'
import { applyFix } from './fix.ts'
import { describeHost, hello } from './host.ts'
import { inspectPath } from './inspect.ts'
import { listRelations } from './relations.ts'
import { cancelRun, confirmVolume, finishRun, releaseRun, runEvents, beginRun, listRuns } from './runs.ts'
import { scratchTree } from './scratch-tree.ts'
import { fetchToSpool, sendFromSpool } from './spool-transfer.ts'
import { giveToSpool, listObjects, objectSpace, removeObject, statObject, sweepObjects, takeFromSpool, testPlace } from './stored-objects.ts'
import { asProblem } from './system-problem.ts'
import { listWal, switchWal, unlinkWal, walStatus } from './wal.ts'

type Handlers = { [M in Method]: (params: Params<M>) => Promise<Result<M>> }

const handlers: Handlers = {
  'agent.hello': hello,
  'host.describe': describeHost,
  'path.inspect': inspectPath,
  'cluster.check': checkCluster,
  'fix.apply': applyFix,
  'cluster.estimate': estimateCluster,
  'run.start': beginRun,
  'run.list': listRuns,
  'run.events': runEvents,
  'run.cancel': cancelRun,
  'run.confirm': confirmVolume,
  'run.release': releaseRun,
  'run.finish': finishRun,
  'scratch.tree': scratchTree,
  'wal.list': listWal,
  'wal.status': walStatus,
  'wal.switch': switchWal,
  'wal.unlink': unlinkWal,
  'relations.list': listRelations,
  'spool.send': sendFromSpool,
  'spool.fetch': fetchToSpool,
  'storage.stat': statObject,
  'storage.list': listObjects,
  'storage.remove': removeObject,
  'storage.sweep': sweepObjects,
  'storage.space': objectSpace,
  'storage.test': testPlace,
  'storage.take': takeFromSpool,
  'storage.give': giveToSpool,
}

const Numbered = Request.pick({ id: true })

async function answer(line: string): Promise<Response> {
  let id = 0
  try {
    const said: unknown = JSON.parse(line)
    // An answer that names no request would leave its caller waiting.
    id = Numbered.parse(said).id
    const request = Request.parse(said)
    const params = methods[request.method].params.parse(request.params)
    const handle = handlers[request.method] as (params: unknown) => Promise<unknown>
    return { id, result: await handle(params) }
  } catch (error) {
    return { id, problem: asProblem(error) }
  }
}

export async function serve(): Promise<void> {
  const decode = lineDecoder()
  process.stdout.on('error', () => process.exit()) // nobody listens any more
  for await (const chunk of process.stdin) {
    for (const line of decode(chunk as Buffer)) {
      if (line.trim() === '') continue
      void answer(line).then((response) => process.stdout.write(`${JSON.stringify(response)}\n`))
    }
  }
}
