// Names on the command line to what they name; ids do as well.
import type { ApiClient } from '#lib/client/link.ts'
import { problem } from '#lib/domain/problem.ts'

function pick<T extends { id: string; name: string }>(rows: readonly T[], wanted: string, what: string): T {
  const row = rows.find((one) => one.id === wanted) ?? rows.find((one) => one.name === wanted)
  if (row === undefined) throw problem('not-found', `There is no ${what} named ${wanted}`, { hint: rows.length === 0 ? `There is none yet.` : `There are: ${rows.map((one) => one.name).join(', ')}.` })
  return row
}

export const findHost = async (client: ApiClient, name: string) => pick(await client.host.list(), name, 'host')
export const findStorage = async (client: ApiClient, name: string) => pick(await client.storage.list(), name, 'storage device')
export const findSet = async (client: ApiClient, name: string) => pick(await client.set.list(), name, 'backup set')

/** `set/source`, or the source's name alone when only one set has it. */
export async function findSource(client: ApiClient, name: string) {
  const sources = await client.source.list({})
  const own = sources.filter((source) => source.name === name)
  if (own.length > 1) throw problem('invalid-input', `${own.length} sources are named ${name}`, { hint: `Write one of ${own.map((source) => `${source.setName}/${source.name}`).join(', ')}.` })
  return own[0] ?? pick(sources.map((source) => ({ ...source, name: `${source.setName}/${source.name}` })), name, 'source')
}
