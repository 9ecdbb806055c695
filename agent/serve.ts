// The `serve` door: requests in as JSON lines on stdin, answers out on stdout, in any order; it ends with its connection.
import { Request, type Method, methods, type Params, type Response, type Result } from '#lib/protocol/methods.ts'
import { lineDecoder } from '#lib/protocol/lines.ts'
import { asProblem } from './system-problem.ts'

type Handlers = { [M in Method]: (params: Params<M>) => Promise<Result<M>> }

/** Each loads what it needs when it is asked for: most connections ask for little. */
const handlers: Handlers = {
  'agent.hello': async () => (await import('./host.ts')).hello(),
  'host.describe': async () => (await import('./host.ts')).describeHost(),
  'path.inspect': async (params) => (await import('./inspect.ts')).inspectPath(params),
  'cluster.check': async (params) => (await import('./check.ts')).checkCluster(params),
  'fix.apply': async (params) => (await import('./fix.ts')).applyFix(params),
  'cluster.estimate': async (params) => (await import('./estimate.ts')).estimateCluster(params),
  'run.start': async (params) => (await import('./runs.ts')).beginRun(params),
  'run.list': async () => (await import('./runs.ts')).listRuns(),
  'run.events': async (params) => (await import('./runs.ts')).runEvents(params),
  'run.cancel': async (params) => (await import('./runs.ts')).cancelRun(params),
  'run.confirm': async (params) => (await import('./runs.ts')).confirmVolume(params),
  'run.release': async (params) => (await import('./runs.ts')).releaseRun(params),
  'run.finish': async (params) => (await import('./runs.ts')).finishRun(params),
  'scratch.tree': async (params) => (await import('./scratch-tree.ts')).scratchTree(params),
  'wal.list': async (params) => (await import('./wal.ts')).listWal(params),
  'wal.status': async (params) => (await import('./wal.ts')).walStatus(params),
  'wal.switch': async (params) => (await import('./wal.ts')).switchWal(params),
  'wal.unlink': async (params) => (await import('./wal.ts')).unlinkWal(params),
  'relations.list': async (params) => (await import('./relations.ts')).listRelations(params),
  'spool.send': async (params) => (await import('./spool-transfer.ts')).sendFromSpool(params),
  'spool.fetch': async (params) => (await import('./spool-transfer.ts')).fetchToSpool(params),
  'storage.stat': async (params) => (await import('./stored-objects.ts')).statObject(params),
  'storage.list': async (params) => (await import('./stored-objects.ts')).listObjects(params),
  'storage.remove': async (params) => (await import('./stored-objects.ts')).removeObject(params),
  'storage.sweep': async (params) => (await import('./stored-objects.ts')).sweepObjects(params),
  'storage.space': async (params) => (await import('./stored-objects.ts')).objectSpace(params),
  'storage.test': async (params) => (await import('./stored-objects.ts')).testPlace(params),
  'storage.take': async (params) => (await import('./stored-objects.ts')).takeFromSpool(params),
  'storage.give': async (params) => (await import('./stored-objects.ts')).giveToSpool(params),
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
