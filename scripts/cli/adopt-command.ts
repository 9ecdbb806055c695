// howdah adopt: the catalog rebuilt from a storage device.
import type { Command } from 'commander'
import { adoptionInWords, keyInWords, type Adoption } from '#lib/domain/adoption.ts'
import { countInWords, sizeInWords } from '#lib/domain/words.ts'
import { problem } from '#lib/domain/problem.ts'
import { connect } from './connection.ts'
import { findStorage } from './find.ts'
import { follow, mustHaveSucceeded } from './follow.ts'
import { table, type Printer } from './output.ts'

export function addAdoptCommand(program: Command, printer: () => Printer): void {
  program
    .command('adopt <storage>')
    .description('Rebuild the catalog from what lies on a storage device; add the device first: howdah storages add <name> <path>')
    .option('--preview', 'only print what would come')
    .action(async (name: string, { preview }: { preview?: true }) => {
      const client = await connect()
      const { id } = await findStorage(client, name)
      const { groupId } = await client.storage.adopt({ id, isPreview: preview === true })
      mustHaveSucceeded(await follow(client, groupId, printer()))
      const last = await client.storage.adoption({ id })
      if (last === null) throw problem('internal', 'The adoption ended without a result')
      printer().print(last.adoption, () => inWords(last.adoption))
      if (last.adoption.refused.length + last.adoption.missingKeys.length > 0) throw problem('storage-corrupt', 'Not everything could be adopted', { hint: 'Import the keys that are missing and adopt again; what is damaged stays where it is.' })
    })
}

function inWords(adoption: Adoption): string {
  const rows = adoption.sets.flatMap((set) => set.sources.map((source) => ({ ...source, setName: set.name })))
  return [
    `${adoptionInWords(adoption)}.`,
    ...(rows.length === 0 ? [] : ['', table(rows, [{ head: 'SOURCE', of: (row) => `${row.setName}/${row.name}` }, { head: 'HOST', of: (row) => row.hostName }, { head: '', of: (row) => (row.isNew ? 'new' : 'known') }, { head: 'FULLS', of: (row) => row.fulls, right: true }, { head: 'INCREMENTALS', of: (row) => row.incrementals, right: true }, { head: 'WAL', of: (row) => row.walFiles, right: true }, { head: 'STORED', of: (row) => sizeInWords(row.storedBytes), right: true }])]),
    ...adoption.missingKeys.map((key) => `${countInWords(key.images, 'image')} and ${countInWords(key.walFiles, 'WAL file')} are encrypted for ${keyInWords(key)}: import it in Admin ▸ Keys.`),
    ...adoption.refused.map(({ path, reason }) => `REFUSED ${path}: ${reason}`),
    ...(adoption.isPreview || rows.every((row) => !row.isNew) ? [] : ['', 'New sets and sources are switched off. Give each new host its sign-in, confirm its key and deploy its agent in Admin ▸ Hosts, check the sources, then activate them.']),
  ].join('\n')
}
