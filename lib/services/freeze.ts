/** The frozen input of a run: a source as it is at this moment, with its settings resolved, so that editing a set alters no run. Never a secret. */
import type { SourceRow } from '#lib/db/sources.ts'
import { resolveEncryption, type ActiveKey } from '#lib/domain/encryption.ts'
import type { FrozenSource } from '#lib/domain/run-input.ts'
import type { SettingOverrides } from '#lib/domain/settings.ts'
import { sourceSettings } from './settings.ts'

/** What of the console decides about a source beside its own row. */
export interface FreezeContext {
  overrides: SettingOverrides
  keys: readonly ActiveKey[]
}

export function freezeSource(source: SourceRow, { overrides: global, keys }: FreezeContext): FrozenSource {
  const { values, origins } = sourceSettings(global, source)
  return {
    id: source.id, name: source.name, setId: source.setId, setName: source.set.name, hostId: source.hostId, hostName: source.host.name,
    dataDirectory: source.dataDirectory, archiveDirectory: source.archiveDirectory, connectionHost: source.connectionHost, port: source.port, user: source.user, database: source.database,
    passfile: source.passfile, binaries: source.binaries, tempDirectory: source.tempDirectory, settings: values, origins, encryption: resolveEncryption(values, keys),
  }
}
