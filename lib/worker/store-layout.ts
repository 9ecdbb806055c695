/** What lies in storage beside images and WAL: what it is, how to restore by hand, the agent itself, the settings of each set. */
import { ZodError } from 'zod'
import { CONSOLE_FILE, kitFile, RESTORE_FILE, setFile } from '#lib/image/layout.ts'
import type { FrozenSource } from '#lib/domain/run-input.ts'
import { findRemembered, oneSetAtATime } from '#lib/db/adoption.ts'
import type { Db } from '#lib/db/client.ts'
import { formatSetJson, parseSetJson, type SetJson } from '#lib/image/set-json.ts'
import { getObject, putObject, sha256Of } from '#lib/storage/objects.ts'
import type { Storage } from '#lib/storage/storage.ts'
import type { AgentFile } from '#lib/agents/deploy.ts'
import { restoreByHand } from './restore-by-hand.ts'

/** Writes what differs; an object that is right is left alone. */
async function ensure(storage: Storage, key: string, content: Uint8Array | string): Promise<void> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  const there = await storage.stat(key)
  if (there?.sizeBytes === bytes.length && sha256Of(await getObject(storage, key)) === sha256Of(bytes)) return
  await putObject(storage, key, bytes)
}

export async function ensureStoreFiles(storage: Storage, { storageId, agentFile }: { storageId: string; agentFile: AgentFile }): Promise<void> {
  await ensure(storage, CONSOLE_FILE, `${JSON.stringify({ howdah: 'PostgreSQL backups written by Howdah; see RESTORE.md', format: 1, storageId }, null, 2)}\n`)
  await ensure(storage, RESTORE_FILE, restoreByHand)
  if ((await storage.stat(kitFile(agentFile.sha256)))?.sizeBytes !== agentFile.content.length) await putObject(storage, kitFile(agentFile.sha256), agentFile.content)
}

/** The set as of this run, one entry a source; no secrets are in a frozen source. Sources that end together write it one after the other, whatever worker they are on. */
export async function rememberSet(db: Db, storage: Storage, source: FrozenSource, at: Date): Promise<void> {
  await oneSetAtATime(db, source.setId, async tx => {
    const key = setFile(source.setName)
    const before = (await storage.stat(key)) === null ? null : readBefore((await getObject(storage, key)).toString('utf8'))
    const { plan, host, held } = await findRemembered(tx, source)
    await putObject(storage, key, formatSetJson({ set: { id: source.setId, name: source.setName }, plan, sources: { ...before?.sources, [source.name]: { ...source, at: at.toISOString(), host, held } } }))
  })
}

/** A damaged one is written anew: it holds nothing that this run and those of the other sources do not know. */
function readBefore(text: string): SetJson | null {
  try {
    return parseSetJson(text)
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof ZodError) return null
    throw error
  }
}
