/** The queue of run ids, by pg-boss in the catalog database. */
import { PgBoss } from 'pg-boss'
import * as z from 'zod'

const QUEUE = 'run'
const Message = z.object({ runId: z.uuid() })

export interface RunQueue extends AsyncDisposable {
  /** Tells the workers of a run. Repeating it does no harm; a message for a run that is not to be had is dropped. */
  enqueueRun(runId: string, options?: { notBefore?: Date | null }): Promise<void>
  /** Calls `take` with each run id as it arrives; `take` returns as soon as it has decided, not when the run ends. */
  work(take: (runId: string) => Promise<void>): Promise<void>
}

/** `isWorker` also keeps the queue's tables in order. `onError` hears of broken connections, which pg-boss mends itself. */
export async function openQueue(databaseUrl: string, { isWorker, onError }: { isWorker: boolean; onError: (error: Error) => void }): Promise<RunQueue> {
  const boss = new PgBoss({ connectionString: databaseUrl, schema: 'queue', max: isWorker ? 4 : 2, application_name: isWorker ? 'howdah worker queue' : 'howdah web queue', schedule: false, supervise: isWorker })
  boss.on('error', onError)
  await boss.start()
  // A message is lost at most: the worker looks at the Run rows as well, so nothing is retried here.
  await boss.createQueue(QUEUE, { retryLimit: 0, expireInSeconds: 60, retentionSeconds: 7 * 86_400, deleteAfterSeconds: 3600 })
  return {
    async enqueueRun(runId, { notBefore } = {}) {
      await boss.send(QUEUE, { runId }, notBefore && notBefore > new Date() ? { startAfter: notBefore } : {})
    },
    async work(take) {
      await boss.work(QUEUE, { pollingIntervalSeconds: 0.5, batchSize: 20 }, async jobs => {
        for (const job of jobs) await take(Message.parse(job.data).runId)
      })
    },
    [Symbol.asyncDispose]: () => boss.stop({ graceful: true, timeout: 5_000 }),
  }
}
