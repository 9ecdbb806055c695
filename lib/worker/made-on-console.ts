/** Volumes and index of a backup that the console compresses or encrypts while it stores them. */
import { levelAt } from '#lib/domain/settings.ts'
import { problem } from '#lib/domain/problem.ts'
import { imageFile, INDEX_FILE, SEALED } from '#lib/image/layout.ts'
import type { BackupResult } from '#lib/protocol/cluster.ts'
import { getObject, sha256Of } from '#lib/storage/objects.ts'
import type { Storage } from '#lib/storage/storage.ts'
import { compressed, type FrameAt, framesIn, movedIndex } from './console-compression.ts'
import { identitiesOf, opened, storeMade, storedAs, type Stored } from './encryption.ts'
import type { RunContext } from './run-context.ts'
import { confirmFile, pullBytes, pullMade, type FileOfRun, type Transfer } from './transfer.ts'

export interface MadeOnConsole {
  pull(transfer: Transfer, file: FileOfRun): Promise<void>
  /** What the agent wrote as it lies in storage now. */
  asStored(said: BackupResult, storage: Storage): Promise<BackupResult>
}

/** Null = the console stores what the host sends. */
export function madeOnConsole({ parts, input: { source } }: RunContext<'backup'>, imageId: string, recipient: string | null): MadeOnConsole | null {
  const level = levelAt('console', source.settings)
  if (level === null && recipient === null) return null
  const stored = new Map<string, Stored>()
  const frames = new Map<string, FrameAt[]>()
  /** Volumes on their way: the index waits for what they became. */
  const volumes = new Map<string, Promise<void>>()
  const storedName = (name: string): string => `${name}${level !== null && name !== INDEX_FILE ? '.zst' : ''}${recipient === null ? '' : SEALED}`
  const keyOf = (name: string): string => imageFile(source.setName, source.name, imageId, storedName(name))

  async function pullVolume(transfer: Transfer, file: FileOfRun): Promise<void> {
    const found = await pullMade(transfer, keyOf(file.name), file, () => {
      if (level === null) return { recipient }
      const own: FrameAt[] = []
      frames.set(file.name, own)
      return { recipient, pack: body => compressed(body, level, frame => void own.push(frame)) }
    })
    if (found !== null) stored.set(file.name, found)
    // Another worker had stored it: where its frames lie is read there.
    else if (level !== null) frames.set(file.name, framesIn(opened(await getObject(transfer.storage, keyOf(file.name), 2 ** 31), keyOf(file.name), await identitiesOf(parts, [recipient === null ? null : (source.encryption?.keyId ?? null)]))))
  }

  async function pullIndex(transfer: Transfer, file: FileOfRun): Promise<void> {
    await Promise.all(volumes.values())
    if ((await transfer.storage.stat(keyOf(file.name))) === null) {
      const index = movedIndex(await pullBytes(transfer, file), frames)
      stored.set(file.name, await storeMade({ storage: transfer.storage, key: keyOf(file.name), recipient, plain: { sizeBytes: index.length, sha256: sha256Of(index) }, body: one(index) }))
    }
    await confirmFile(transfer, file)
  }

  return {
    async pull(transfer, file) {
      if (file.name === INDEX_FILE && level !== null) return pullIndex(transfer, file)
      const work = pullVolume(transfer, file)
      volumes.set(file.name, work)
      await work
    },
    async asStored(said, storage) {
      const as = async <F extends { name: string }>(file: F): Promise<F & Stored> => {
        const found = stored.get(file.name) ?? (await storedAs(storage, keyOf(file.name)))
        if (found === null) throw problem('storage-corrupt', `${file.name} never reached storage`, { hint: 'Start the backup again; if it happens again, look at the storage device.' })
        return { ...file, ...found, name: storedName(file.name) }
      }
      return { ...said, volumes: await Promise.all(said.volumes.map(as)), index: await as(said.index) }
    },
  }
}

async function* one(bytes: Buffer): AsyncGenerator<Buffer> {
  yield await Promise.resolve(bytes)
}
