// howdah hosts, storages, sets, sources: what is configured.
import type { Command } from 'commander'
import { sizeInWords } from '#lib/domain/words.ts'
import { problem } from '#lib/domain/problem.ts'
import type { ApiClient } from '#lib/client/link.ts'
import { connect } from './connection.ts'
import { findHost, findSet, findSource, findStorage } from './find.ts'
import { follow, mustHaveSucceeded } from './follow.ts'
import { facts, table, type Printer } from './output.ts'
import { askSecret, readSecretFile } from './secret.ts'

interface Started { runId: string | null; groupId: string | null }

/** Follows what was started, unless the caller does not want to. */
export async function finish(client: ApiClient, started: Started, { wait, printer }: { wait: boolean; printer: Printer }): Promise<void> {
  if (started.groupId === null) return printer.print(started, () => 'Done.')
  if (!wait) return printer.print(started, () => `Started: run ${started.runId}. Follow it with: howdah runs show ${started.groupId}`)
  const group = await follow(client, started.groupId, printer)
  printer.print(group, () => `${group.title}: ${group.state === 'strange' ? 'done, with something strange; see howdah runs show' : group.state === 'succeeded' ? 'done' : group.state}`)
  mustHaveSucceeded(group)
}

const number = (text: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value)) throw problem('invalid-input', `${text} is not a whole number`)
  return value
}

export function addSetUpCommands(program: Command, printer: () => Printer): void {
  addHosts(program.command('hosts').description('Machines with PostgreSQL'), printer)
  addStorages(program.command('storages').description('Where backups are kept'), printer)
  addSets(program.command('sets').description('Backup sets'), printer)
  addSources(program.command('sources').description('Clusters that a set backs up'), printer)
}

function addHosts(hosts: Command, printer: () => Printer): void {
  hosts.command('list').description('List hosts').action(async () => {
    const rows = await (await connect()).host.list()
    printer().print(rows, () => table(rows, [{ head: 'NAME', of: (row) => row.name }, { head: 'ADDRESS', of: (row) => `${row.user}@${row.address}:${row.port}` }, { head: 'STATE', of: (row) => row.state }, { head: 'AGENT', of: (row) => row.agentVersion }, { head: 'CLUSTERS', of: (row) => row.clusters.length, right: true }]))
  })
  hosts
    .command('add <name> <address>')
    .description('Add a host and read its key')
    .option('--port <number>', 'SSH port', number, 22)
    .requiredOption('--user <name>', 'user to sign in as')
    .option('--run-as <name>', 'user to run the agent as, by sudo -n')
    .option('--key-file <path>', 'private key to sign in with (- = stdin); else a password is asked for')
    .option('--comment <text>', 'a comment', '')
    .option('--no-wait', 'do not wait for the key')
    .action(async (name: string, address: string, options: { port: number; user: string; runAs?: string; keyFile?: string; comment: string; wait: boolean }) => {
      const client = await connect()
      const secret = options.keyFile === undefined ? ({ signIn: 'password', password: await askSecret('Password: ') } as const) : ({ signIn: 'key', privateKey: await readSecretFile(options.keyFile) } as const)
      const host = await client.host.create({ name, address, port: options.port, user: options.user, runAs: options.runAs ?? null, comment: options.comment, secret })
      if (!options.wait) return printer().print(host, () => `Added ${name}; its key is being read.`)
      const group = await follow(client, host.groupId, printer())
      const after = await client.host.get({ id: host.id })
      printer().print(after, () => (after.offeredKeyFingerprint === null ? `Added ${name}.` : `Added ${name}. It offers ${after.offeredKeyFingerprint}; if that is its key: howdah hosts confirm-key ${name} ${after.offeredKeyFingerprint}`))
      mustHaveSucceeded(group)
    })
  hosts.command('show <name>').description('One host, with what was found there').action(async (name: string) => {
    const host = await findHost(await connect(), name)
    printer().print(host, () => [
      facts({ Name: host.name, Address: `${host.user}@${host.address}:${host.port}`, State: host.state, 'Host key': host.hostKeyFingerprint, 'Offered key': host.offeredKeyFingerprint, Agent: host.agentVersion, System: host.os, Architecture: host.architecture, Offline: host.offlineReason }),
      ...(host.clusters.length === 0 ? [] : ['', table(host.clusters, [{ head: 'DATA DIRECTORY', of: (row) => row.dataDirectory }, { head: 'MAJOR', of: (row) => row.major }, { head: 'PORT', of: (row) => row.port ?? null }, { head: 'RUNNING', of: (row) => (row.isRunning ? 'yes' : 'no') }, { head: 'ARCHIVE', of: (row) => row.archiveDirectory ?? null }])]),
    ].join('\n'))
  })
  hosts.command('confirm-key <name> <fingerprint>').description('Pin the key that the host offers').action(async (name: string, fingerprint: string) => {
    const client = await connect()
    const host = await client.host.confirmKey({ id: (await findHost(client, name)).id, fingerprint })
    printer().print(host, () => `${name} is known by ${host.hostKeyFingerprint}.`)
  })
  for (const [verb, words] of [['deploy', 'Deploy or upgrade the agent'], ['describe', 'Look for clusters and tools'], ['undeploy', 'Remove the agent'], ['readKey', 'Read the host key']] as const) {
    hosts.command(`${verb === 'readKey' ? 'read-key' : verb} <name>`).description(words).option('--no-wait', 'do not wait for its end').action(async (name: string, { wait }: { wait: boolean }) => {
      const client = await connect()
      await finish(client, await client.host[verb]({ id: (await findHost(client, name)).id }), { wait, printer: printer() })
    })
  }
  hosts.command('remove <name>').description('Forget a host').action(async (name: string) => {
    const client = await connect()
    await client.host.remove({ id: (await findHost(client, name)).id })
    printer().print({}, () => `Removed ${name}.`)
  })
}

function addStorages(storages: Command, printer: () => Printer): void {
  storages.command('list').description('List storage devices').action(async () => {
    const rows = await (await connect()).storage.list()
    printer().print(rows, () => table(rows, [{ head: 'NAME', of: (row) => row.name }, { head: 'PLACE', of: (row) => row.location }, { head: 'STATE', of: (row) => row.state }, { head: 'USED', of: (row) => sizeInWords(row.usedBytes), right: true }, { head: 'FREE', of: (row) => (row.freeBytes === null ? null : sizeInWords(row.freeBytes)), right: true }, { head: 'IMAGES', of: (row) => row.images, right: true }]))
  })
  storages.command('add <name> <path>').description("Add a directory of the worker's machine, and test it").option('--comment <text>', 'a comment', '').option('--no-wait', 'do not wait for the test').action(async (name: string, rootPath: string, { comment, wait }: { comment: string; wait: boolean }) => {
    const client = await connect()
    await finish(client, await client.storage.create({ kind: 'disk', name, rootPath, comment }), { wait, printer: printer() })
  })
  storages.command('test <name>').description('Write, read and remove a test file').option('--no-wait', 'do not wait for its end').action(async (name: string, { wait }: { wait: boolean }) => {
    const client = await connect()
    await finish(client, await client.storage.test({ id: (await findStorage(client, name)).id }), { wait, printer: printer() })
  })
}

function addSets(sets: Command, printer: () => Printer): void {
  sets.command('list').description('List backup sets').action(async () => {
    const rows = await (await connect()).set.list()
    printer().print(rows, () => table(rows, [{ head: 'NAME', of: (row) => row.name }, { head: 'ACTIVE', of: (row) => (row.isActive ? 'yes' : 'no') }, { head: 'SOURCES', of: (row) => row.sources, right: true }, { head: 'STORED', of: (row) => sizeInWords(row.storedBytes), right: true }, { head: 'WHAT IT DOES', of: (row) => row.sentence }]))
  })
  sets.command('create <name>').description('Create a backup set').option('--storage <name>', 'where its backups go').option('--comment <text>', 'a comment', '').action(async (name: string, { storage, comment }: { storage?: string; comment: string }) => {
    const client = await connect()
    const device = storage === undefined ? null : await findStorage(client, storage)
    const set = await client.set.create({ name, comment })
    if (device !== null) await client.set.setStorage({ id: set.id, storageId: device.id })
    const made = await client.set.get({ id: set.id })
    printer().print(made, () => made.sentence)
  })
  sets.command('show <name>').description('One backup set, and how far it is built').action(async (name: string) => {
    const set = await findSet(await connect(), name)
    printer().print(set, () => [set.sentence, '', table(set.steps, [{ head: 'PAGE', of: (row) => row.page }, { head: 'STATE', of: (row) => row.state }, { head: '', of: (row) => row.text }]), ...(set.nextRuns.length === 0 ? [] : ['', table(set.nextRuns, [{ head: 'NEXT', of: (row) => row.wallClock }, { head: 'LEVEL', of: (row) => row.level }])])].join('\n'))
  })
  for (const verb of ['activate', 'deactivate'] as const) {
    sets.command(`${verb} <name>`).description(verb === 'activate' ? 'Let the schedule start backups' : 'Stop the schedule').action(async (name: string) => {
      const client = await connect()
      const set = await client.set[verb]({ id: (await findSet(client, name)).id })
      printer().print(set, () => set.sentence)
    })
  }
  sets.command('set-storage <name> <storage>').description('Choose where its backups go').action(async (name: string, storage: string) => {
    const client = await connect()
    const saved = await client.set.setStorage({ id: (await findSet(client, name)).id, storageId: (await findStorage(client, storage)).id })
    printer().print(saved, () => (saved.changes.length === 0 ? 'Nothing changed.' : saved.changes.map((change) => `${change.field}: ${change.before} → ${change.after}`).join('\n')))
  })
  sets.command('remove <name>').description('Delete a backup set').requiredOption('--images <what>', '`purge` deletes its images from storage, `keep` leaves them there').option('--no-wait', 'do not wait for its end').action(async (name: string, { images, wait }: { images: string; wait: boolean }) => {
    if (images !== 'purge' && images !== 'keep') throw problem('invalid-input', '--images must be purge or keep')
    const client = await connect()
    await finish(client, await client.set.remove({ id: (await findSet(client, name)).id, images }), { wait, printer: printer() })
  })
}

function addSources(sources: Command, printer: () => Printer): void {
  sources.command('list').description('List sources').option('--set <name>', 'of one set').action(async ({ set }: { set?: string }) => {
    const client = await connect()
    const rows = await client.source.list(set === undefined ? {} : { setId: (await findSet(client, set)).id })
    printer().print(rows, () => table(rows, [{ head: 'SOURCE', of: (row) => `${row.setName}/${row.name}` }, { head: 'HOST', of: (row) => row.hostName }, { head: 'MAJOR', of: (row) => row.major }, { head: 'DATA DIRECTORY', of: (row) => row.dataDirectory }, { head: 'CHECK', of: (row) => row.checkStatus }, { head: 'IMAGES', of: (row) => row.images, right: true }, { head: 'STORED', of: (row) => sizeInWords(row.storedBytes), right: true }]))
  })
  sources
    .command('add <set> <name>')
    .description('Add a cluster of a host to a set; what is not given is taken from what was found on the host')
    .requiredOption('--host <name>', 'its host')
    .requiredOption('--data <path>', 'data directory')
    .option('--archive <path>', 'archive directory')
    .option('--connect <host>', 'host name or socket directory, as seen on the host')
    .option('--port <number>', 'port', number)
    .option('--user <name>', 'role', 'postgres')
    .option('--database <name>', 'database (default: postgres, then template1)', '')
    .option('--passfile <path>', 'password file on the host')
    .option('--password', 'ask for a password (or read it from stdin)')
    .action(async (setName: string, name: string, options: { host: string; data: string; archive?: string; connect?: string; port?: number; user: string; database: string; passfile?: string; password?: true }) => {
      const client = await connect()
      const [set, host] = [await findSet(client, setName), await findHost(client, options.host)]
      const cluster = host.clusters.find((one) => one.dataDirectory === options.data)
      const archiveDirectory = options.archive ?? cluster?.archiveDirectory
      if (archiveDirectory === undefined) throw problem('invalid-input', 'The archive directory is not known', { hint: 'Give --archive, the directory that archive_command copies into.' })
      const source = await client.source.create({
        setId: set.id, hostId: host.id, name, dataDirectory: options.data, archiveDirectory, connectionHost: options.connect ?? cluster?.socketDirectory ?? '127.0.0.1', port: options.port ?? cluster?.port ?? 5432,
        user: options.user, database: options.database, passfile: options.passfile ?? null, binaries: cluster?.binaries ?? null, tempDirectory: null, password: options.password === true ? await askSecret('Password: ') : null,
      })
      printer().print(source, () => `Added ${source.setName}/${source.name}. Check it: howdah sources check ${source.setName}/${source.name}`)
    })
  sources.command('check <source>').description('Check a source and print every line').option('--switch-segment', 'force one segment switch to see a segment arrive').action(async (name: string, { switchSegment }: { switchSegment?: true }) => {
    const client = await connect()
    const { id } = await findSource(client, name)
    const { groupId } = await client.source.check({ id, announceSegmentSwitch: switchSegment === true })
    const group = await follow(client, groupId, printer())
    const checks = await client.source.checks({ id })
    printer().print(checks, () => checks.lines.map((line) => `${line.status.toUpperCase().padEnd(5)} ${line.message}${line.fix === undefined ? '' : `\n      ${line.fix.text.replaceAll('\n', '\n      ')}`}`).join('\n'))
    mustHaveSucceeded(group)
    if (checks.status === 'error') throw problem('check-failed', `The check of ${name} found an error`)
  })
}
