/** Opens storage devices as they are configured, and tests them. */
import { findStorage } from '#lib/db/storages.ts'
import { updateStorageState } from '#lib/db/host-state.ts'
import type { Db } from '#lib/db/client.ts'
import { problem, toProblem } from '#lib/domain/problem.ts'
import { CONSOLE_FILE } from '#lib/image/layout.ts'
import { placeInWords } from '#lib/domain/storage-place.ts'
import { diskStorage } from '#lib/storage/disk.ts'
import { s3Storage } from '#lib/storage/s3.ts'
import type { Storage } from '#lib/storage/storage.ts'
import { hostStorage } from './host-storage.ts'
import type { WorkerParts } from './parts.ts'
import type { Handler } from './run-loop.ts'
import { ensureStoreFiles } from './store-layout.ts'

type Device = NonNullable<Awaited<ReturnType<typeof findStorage>>>

type Ways = Pick<WorkerParts, 'sealer' | 'pool'>

function openDevice({ kind, rootPath, host, bucket, keepFreeBytes, quotaBytes }: Device, { sealer, pool }: Ways): Storage {
  if (kind === 'host' && rootPath !== null && host !== null) return hostStorage({ hostId: host.id, place: { root: rootPath, keepFreeBytes, quotaBytes }, agent: () => pool.agent(host.id) })
  if (kind === 'disk' && rootPath !== null) return diskStorage({ root: rootPath, keepFreeBytes, quotaBytes })
  if (kind === 's3' && bucket !== null) {
    const { endpoint, region, name, prefix, accessKeyId, secretSealed, isPathStyle, storageClass, caPem } = bucket
    return s3Storage({ endpoint, region, bucket: name, prefix, accessKeyId, secretAccessKey: sealer.open(secretSealed).reveal(), pathStyle: isPathStyle, storageClass, caPem, quotaBytes })
  }
  throw problem('internal', `The storage device of kind ${kind} has no place`)
}

/** One open storage per configuration, so that what it counted is kept. A place that should hold backups and does not is taken for a device that is not mounted, or another bucket. */
export function storageOpener(db: Db, ways: Ways): (storageId: string) => Promise<Storage> {
  const open = new Map<string, { key: string; storage: Storage }>()
  return async storageId => {
    const row = await findStorage(db, storageId)
    if (row === null) throw problem('not-found', 'The storage device is no longer in the catalog')
    const { rootPath, host, bucket, keepFreeBytes, quotaBytes } = row
    const key = JSON.stringify({ rootPath, host, bucket, keepFreeBytes, quotaBytes })
    const known = open.get(storageId)
    const storage = known?.key === key ? known.storage : openDevice(row, ways)
    open.set(storageId, { key, storage })
    if (row.images > 0 && (await storage.stat(CONSOLE_FILE)) === null)
      throw problem('storage-unavailable', `${placeInWords(row)} is empty, but backups should lie there`, { detail: `There is no ${CONSOLE_FILE} in it.`, hint: rootPath === null ? `Look at endpoint, bucket and prefix of ${row.name} in Admin ▸ Storage devices.` : `Mount the device of ${row.name}${host === null ? '' : ` on ${host.name}`}: findmnt ${rootPath}` })
    return storage
  }
}

export const testStorage: Handler<'test-storage'> = async context => {
  const { parts, input } = context
  await context.phase('test')
  try {
    const row = await findStorage(parts.db, input.storageId)
    if (row === null) throw problem('not-found', 'The storage device is no longer in the catalog')
    if (row.images === 0) await openDevice(row, parts).testWrite()
    const storage = await parts.storage(input.storageId)
    await storage.testWrite()
    await ensureStoreFiles(storage, { storageId: input.storageId, agentFile: parts.agentFile })
    const space = await storage.space()
    await updateStorageState(parts.db, input.storageId, space, null, new Date())
    await context.say('A test file was written, read back and removed')
    return space.totalBytes === Infinity ? { usedBytes: space.usedBytes } : space
  } catch (error) {
    await updateStorageState(parts.db, input.storageId, null, toProblem(error).message, new Date())
    throw error
  }
}
