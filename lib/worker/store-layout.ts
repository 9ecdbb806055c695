/** What lies in storage beside images and WAL: what it is, how to restore by hand, the agent itself, the settings of each set. */
import { CONSOLE_FILE, kitFile, RESTORE_FILE, setFile } from '#lib/image/layout.ts'
import type { FrozenSource } from '#lib/domain/run-input.ts'
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

/** Settings of a set as of its last run, one entry a source; no secrets are in a frozen source. */
export async function rememberSet(storage: Storage, source: FrozenSource, at: Date): Promise<void> {
  const key = setFile(source.setName)
  const before: unknown = (await storage.stat(key)) === null ? {} : JSON.parse((await getObject(storage, key)).toString('utf8'))
  const sources = typeof before === 'object' && before !== null && 'sources' in before && typeof before.sources === 'object' ? before.sources : {}
  await putObject(storage, key, `${JSON.stringify({ set: { id: source.setId, name: source.setName }, sources: { ...sources, [source.name]: { ...source, at: at.toISOString() } } }, null, 2)}\n`)
}
