/** Storage in a directory of a host (a mounted NFS share, say), kept by the agent there; the console reads and writes it through the agent. */
import { Readable } from 'node:stream'
import type { Agent } from '#lib/agents/pool.ts'
import { problem, ProblemError } from '#lib/domain/problem.ts'
import type { ProblemCode } from '#lib/domain/problem.ts'
import type { ObjectPlace } from '#lib/protocol/bulk.ts'
import { checkedKey } from '#lib/storage/storage.ts'
import type { Storage, StoredObject } from '#lib/storage/storage.ts'

/** What the agent of the same host can take from a run's spool, and give to it, without the console. */
export interface HostStorage extends Storage { hostId: string; place: ObjectPlace }
export const isOnHost = (storage: Storage): storage is HostStorage => 'hostId' in storage

/** A storage call moves files on a disk of the host, perhaps over its network. */
const CALL_MS = 120_000
const SILENCE_MS = 120_000
const LIST_PAGE = 10_000

/** Problems of the way to the host: for whoever stores there, the device is away. */
const ofTheWay: readonly ProblemCode[] = ['host-unreachable', 'host-key-unknown', 'host-key-mismatch', 'host-sign-in-failed', 'agent-missing', 'agent-version-mismatch', 'agent-failed', 'timed-out', 'no-data']

export function hostStorage({ hostId, place, agent }: { hostId: string; place: ObjectPlace; agent: () => Promise<Agent> }): HostStorage {
  const told = (error: unknown): unknown => {
    if (!(error instanceof ProblemError) || !ofTheWay.includes(error.problem.code)) return error
    const { message, detail, hint } = error.problem
    return problem('storage-unavailable', `The host of the storage device cannot be worked with: ${message}`, { ...(detail === undefined ? {} : { detail }), hint: hint ?? 'See that the host is up and its agent deployed in Admin ▸ Hosts.', cause: error })
  }
  const attempt = async <T>(work: (agent: Agent) => Promise<T>): Promise<T> => {
    try {
      return await work(await agent())
    } catch (error) {
      throw told(error)
    }
  }
  const object = ({ key, sizeBytes, modifiedAt }: { key: string; sizeBytes: number; modifiedAt: string }): StoredObject => ({ key, sizeBytes, modifiedAt: new Date(modifiedAt) })

  return {
    hostId, place,
    async openUpload(key, { sizeBytes, resume = true } = {}) {
      checkedKey(key)
      const storing = await attempt((it) => it.bulk(SILENCE_MS).store({ op: 'store', place, key, resume, ...(sizeBytes === undefined ? {} : { sizeBytes }) }))
      let isOpen = true
      const ending = async (work: () => Promise<void>): Promise<void> => {
        isOpen = false
        try {
          await work()
        } catch (error) {
          throw told(error)
        } finally {
          storing.close()
        }
      }
      /** Bytes are kept, or forgotten by the agent itself, when the way there is cut. */
      const quietly = async (end: 'pause' | 'abort'): Promise<void> => {
        if (!isOpen) return
        try {
          await ending(() => storing.end({ end }))
        } catch (error) {
          if (!(error instanceof ProblemError)) throw error
        }
      }
      return {
        offset: storing.offset,
        async write(chunk) {
          try {
            await storing.write(chunk)
          } catch (error) {
            isOpen = false
            storing.close()
            throw told(error)
          }
        },
        commit: (expected) => ending(() => storing.end({ end: 'commit', ...expected })),
        pause: () => quietly('pause'),
        abort: () => quietly('abort'),
      }
    },
    async read(key, range) {
      checkedKey(key)
      const incoming = await attempt((it) => it.bulk(SILENCE_MS).receive({ op: 'object', place, key, begin: range?.begin ?? 0, ...(range === undefined ? {} : { end: range.end }) }))
      return Readable.from((async function* () {
        try {
          yield* incoming.body
        } catch (error) {
          throw told(error)
        } finally {
          incoming.close()
        }
      })(), { objectMode: false, highWaterMark: 1 << 20 })
    },
    async stat(key) {
      checkedKey(key)
      const { object: found } = await attempt((it) => it.call('storage.stat', { place, key }, { deadlineMs: CALL_MS }))
      return found === null ? null : object(found)
    },
    async list(prefix) {
      const found: StoredObject[] = []
      for (let after = ''; ; after = found.at(-1)?.key ?? '') {
        const { objects } = await attempt((it) => it.call('storage.list', { place, prefix, after, limit: LIST_PAGE }, { deadlineMs: CALL_MS }))
        found.push(...objects.map(object))
        if (objects.length < LIST_PAGE) return found
      }
    },
    async remove(key) {
      checkedKey(key)
      return (await attempt((it) => it.call('storage.remove', { place, key }, { deadlineMs: CALL_MS }))).removed
    },
    sweep: async (prefix) => (await attempt((it) => it.call('storage.sweep', { place, prefix }, { deadlineMs: CALL_MS }))).removed,
    space: () => attempt((it) => it.call('storage.space', { place }, { deadlineMs: CALL_MS })),
    testWrite: async () => void (await attempt((it) => it.call('storage.test', { place }, { deadlineMs: CALL_MS }))),
  }
}
