/** Opens storage devices as they are configured, and tests them. */
import { findStorage } from '#lib/db/storages.ts'
import { updateStorageState } from '#lib/db/host-state.ts'
import type { Db } from '#lib/db/client.ts'
import { problem, toProblem } from '#lib/domain/problem.ts'
import { CONSOLE_FILE } from '#lib/image/layout.ts'
import { diskStorage } from '#lib/storage/disk.ts'
import type { Storage } from '#lib/storage/storage.ts'
import type { Handler } from './run-loop.ts'
import { ensureStoreFiles } from './store-layout.ts'

/** One open storage per configuration, so that what it counted is kept. A root that should hold backups and does not is taken for a device that is not mounted. */
export function storageOpener(db: Db): (storageId: string) => Promise<Storage> {
  const open = new Map<string, { key: string; storage: Storage }>()
  return async storageId => {
    const row = await findStorage(db, storageId)
    if (row === null) throw problem('not-found', 'The storage device is no longer in the catalog')
    const { rootPath, keepFreeBytes, quotaBytes } = row
    const key = JSON.stringify({ rootPath, keepFreeBytes, quotaBytes })
    const known = open.get(storageId)
    const storage = known?.key === key ? known.storage : diskStorage({ root: rootPath, keepFreeBytes, quotaBytes })
    open.set(storageId, { key, storage })
    if (row.images > 0 && (await storage.stat(CONSOLE_FILE)) === null)
      throw problem('storage-unavailable', `${rootPath} is empty, but backups should lie there`, { detail: `There is no ${CONSOLE_FILE} in it.`, hint: `Mount the device of ${row.name}: findmnt ${rootPath}` })
    return storage
  }
}

export const testStorage: Handler<'test-storage'> = async context => {
  const { parts, input } = context
  await context.phase('test')
  try {
    const row = await findStorage(parts.db, input.storageId)
    if (row === null) throw problem('not-found', 'The storage device is no longer in the catalog')
    if (row.images === 0) await diskStorage({ root: row.rootPath, keepFreeBytes: row.keepFreeBytes, quotaBytes: row.quotaBytes }).testWrite()
    const storage = await parts.storage(input.storageId)
    await storage.testWrite()
    await ensureStoreFiles(storage, { storageId: input.storageId, agentFile: parts.agentFile })
    const space = await storage.space()
    await updateStorageState(parts.db, input.storageId, space, null, new Date())
    await context.say('A test file was written, read back and removed')
    return space
  } catch (error) {
    await updateStorageState(parts.db, input.storageId, null, toProblem(error).message, new Date())
    throw error
  }
}
