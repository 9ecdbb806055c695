// What a copy that opens elsewhere is configured with and this host lacks: socket directories and addresses of the host it was taken from.
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { Setting } from '#lib/postgres/conf.ts'
import { asOwner, type Owner } from '#lib/postgres/server-commands.ts'
import { runProgram } from './process.ts'
import { fitsSocket, ownerOf } from './server-control.ts'

const PROGRAM_LIMIT_MS = 20_000

/** What takes their place, each with its reason in words; empty where the server can have what it is configured with. */
export async function localSettings({ binaries, dataDirectory, copy }: { binaries: string; dataDirectory: string; copy: string }): Promise<(Setting & { reason: string })[]> {
  const owner = await ownerOf(dataDirectory)
  const configured = async (name: string): Promise<string[]> => {
    const { code, stdout } = await runProgram(asOwner([join(binaries, 'postgres'), '-C', name, '-D', dataDirectory], owner), PROGRAM_LIMIT_MS)
    // A configuration that cannot be read is told by the server itself, when it is started.
    return code !== 0 ? [] : listed(stdout.trim())
  }
  return [...(await sockets(await configured('unix_socket_directories'), owner, copy)), ...(await addresses(await configured('listen_addresses')))]
}

/** Source: SplitDirectoriesString in src/backend/utils/adt/varlena.c. */
const listed = (text: string): string[] => [...text.matchAll(/"((?:[^"]|"")*)"|[^,\s][^,]*/g)].map(([whole, quoted]) => (quoted === undefined ? whole.trim() : quoted.replaceAll('""', '"')))
const asList = (paths: readonly string[]): string => paths.map((path) => (/^[\w./-]+$/.test(path) ? path : `"${path.replaceAll('"', '""')}"`)).join(', ')

/** One directory in which it may not make its socket keeps a server from starting. */
async function sockets(directories: readonly string[], owner: Owner | null, copy: string): Promise<(Setting & { reason: string })[]> {
  const isUsable = async (path: string): Promise<boolean> => !path.startsWith('/') || (await runProgram(asOwner(['test', '-w', path, '-a', '-x', path], owner), PROGRAM_LIMIT_MS)).code === 0
  const usable: string[] = []
  for (const path of directories) if (await isUsable(path)) usable.push(path)
  if (usable.length === directories.length) return []
  const instead = usable.length > 0 ? usable : [fitsSocket(copy) && (await isUsable(copy)) ? copy : '/tmp']
  return [{ name: 'unix_socket_directories', value: asList(instead), reason: `its owner may not write into ${directories.filter((path) => !usable.includes(path)).join(', ')} on this host` }]
}

/** Of several addresses one is enough; a server that can listen on none does not start. */
async function addresses(names: readonly string[]): Promise<(Setting & { reason: string })[]> {
  const own = new Set(Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)))
  const isHere = async (name: string): Promise<boolean> => {
    if (['*', '0.0.0.0', '::', 'localhost'].includes(name)) return true
    const found = isIP(name) === 0 ? await lookup(name, { all: true }).catch(() => []) : [{ address: name }] // a name that leads nowhere is not here
    return found.some(({ address }) => own.has(address))
  }
  for (const name of names) if (await isHere(name)) return []
  return names.length === 0 ? [] : [{ name: 'listen_addresses', value: 'localhost', reason: `this host does not have the address ${names.join(', ')}` }]
}
