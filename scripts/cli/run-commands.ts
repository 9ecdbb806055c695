// howdah overview, run, runs, images, restore: what happens.
import type { Command } from 'commander'
import * as z from 'zod'
import { RestoreRequest, type RecoveryTarget } from '#lib/contract/restores.ts'
import { runStateWords } from '#lib/domain/run.ts'
import { sizeInWords, spanInWords } from '#lib/domain/words.ts'
import { problem } from '#lib/domain/problem.ts'
import { connect } from './connection.ts'
import { findHost, findSet, findSource } from './find.ts'
import { follow, mustHaveSucceeded, runLine } from './follow.ts'
import { facts, table, type Printer } from './output.ts'
import { finish } from './set-up-commands.ts'

export function addRunCommands(program: Command, printer: () => Printer): void {
  program.command('overview').description('Am I safe?').action(async () => {
    const overview = await (await connect()).overview.get({})
    printer().print(overview, () => [
      `${overview.recoverable} of ${overview.total} sources recoverable`,
      '',
      table(overview.sources, [{ head: 'SOURCE', of: (row) => `${row.setName}/${row.name}` }, { head: 'STATE', of: (row) => row.state }, { head: 'FROM', of: (row) => row.window.earliest }, { head: 'TO', of: (row) => row.window.latest }, { head: 'RPO', of: (row) => (row.rpoSeconds === null ? null : spanInWords(row.rpoSeconds)), right: true }, { head: 'STORED', of: (row) => sizeInWords(row.storedBytes), right: true }]),
      ...overview.attention.flatMap((one) => ['', `${one.severity === 'error' ? 'ERROR' : 'WARN'} ${one.subject}: ${one.text}`, ...(one.fix === null ? [] : [`  ${one.fix}`])]),
    ].join('\n'))
  })

  program
    .command('run <set>')
    .description('Back up now')
    .option('--level <level>', 'full, incremental or auto', 'auto')
    .option('--source <name...>', 'only these sources')
    .option('--no-check', 'do not check first')
    .option('--wait', 'follow it to its end')
    .action(async (name: string, options: { level: string; source?: string[]; check: boolean; wait?: true }) => {
      const level = z.enum(['full', 'incremental', 'auto']).safeParse(options.level)
      if (!level.success) throw problem('invalid-input', '--level must be full, incremental or auto')
      const client = await connect()
      const set = await findSet(client, name)
      const sourceIds = options.source === undefined ? undefined : await Promise.all(options.source.map(async (one) => (await findSource(client, one.includes('/') ? one : `${set.name}/${one}`)).id))
      const { groupId, runIds } = await client.backup.start({ id: set.id, level: level.data, checkFirst: options.check, ...(sourceIds === undefined ? {} : { sourceIds }) })
      await finish(client, { groupId, runId: runIds.join(', ') }, { wait: options.wait === true, printer: printer() })
    })

  const runs = program.command('runs').description('What was done and what goes on')
  runs.command('list').description('List runs, newest first').option('--set <name>', 'of one set').option('--limit <number>', 'so many', Number, 20).action(async ({ set, limit }: { set?: string; limit: number }) => {
    const client = await connect()
    const { groups } = await client.run.list({ limit, ...(set === undefined ? {} : { setId: (await findSet(client, set)).id }) })
    printer().print(groups, () => table(groups, [{ head: 'STARTED', of: (row) => row.createdAt.slice(0, 19).replace('T', ' ') }, { head: 'WHAT', of: (row) => row.title }, { head: 'STATE', of: (row) => runStateWords[row.state] }, { head: 'BY', of: (row) => row.startedBy }, { head: 'ID', of: (row) => row.id }]))
  })
  runs.command('show <id>').description('One run with its phases and problem').option('--wait', 'follow it to its end').action(async (id: string, { wait }: { wait?: true }) => {
    const client = await connect()
    const groupId = await groupOf(client, id)
    if (wait === true) await follow(client, groupId, printer())
    const { group, runs: details } = await client.run.group({ id: groupId })
    printer().print({ group, runs: details }, () => [
      `${group.title}: ${runStateWords[group.state]}`,
      ...details.flatMap((run) => ['', runLine(run), ...run.phases.filter((phase) => phase.beginAt !== null).map((phase) => `  ${phase.phase.padEnd(9)} ${phase.state}`), ...run.strange.map((text) => `  strange: ${text}`), ...(run.problem === null ? [] : [`  ${run.problem.message}`, ...(run.problem.detail === undefined ? [] : [`  ${run.problem.detail}`]), ...(run.problem.hint === undefined ? [] : [`  ${run.problem.hint}`])])]),
    ].join('\n'))
    if (wait === true) mustHaveSucceeded(group)
  })
  runs.command('cancel <id>').description('Abort a run or runs started together').action(async (id: string) => {
    const client = await connect()
    await client.run.cancelGroup({ id: await groupOf(client, id) })
    printer().print({}, () => 'Told to stop.')
  })

  const images = program.command('images').description('Backup images')
  images.command('list').description('List backup images, newest first').option('--set <name>', 'of one set').option('--source <name>', 'of one source').action(async ({ set, source }: { set?: string; source?: string }) => {
    const client = await connect()
    const rows = await client.image.list({ ...(set === undefined ? {} : { setId: (await findSet(client, set)).id }), ...(source === undefined ? {} : { sourceId: (await findSource(client, source)).id }) })
    printer().print(rows, () => table(rows, [{ head: 'ENDED', of: (row) => row.endAt.slice(0, 19).replace('T', ' ') }, { head: 'SOURCE', of: (row) => `${row.setName}/${row.sourceName}` }, { head: 'LEVEL', of: (row) => row.level, right: true }, { head: 'RAW', of: (row) => sizeInWords(row.rawBytes), right: true }, { head: 'STORED', of: (row) => sizeInWords(row.storedBytes), right: true }, { head: 'VERIFIED', of: (row) => row.verifyProblem ?? row.verifiedAt }, { head: 'ID', of: (row) => row.id }]))
  })
  images.command('verify <id>').description('Read an image back and check every digest').option('--no-wait', 'do not wait for its end').action(async (id: string, { wait }: { wait: boolean }) => {
    const client = await connect()
    await finish(client, await client.image.verify({ id }), { wait, printer: printer() })
  })
  addRestore(program.command('restore').description('Bring a source back'), printer)
}

/** A run's id does as well as its group's. */
async function groupOf(client: Awaited<ReturnType<typeof connect>>, id: string): Promise<string> {
  try {
    return (await client.run.get({ id })).groupId
  } catch (error) {
    if (error instanceof Error && 'problem' in error && typeof error.problem === 'object' && error.problem !== null && 'code' in error.problem && error.problem.code === 'not-found') return id
    throw error
  }
}

interface RestoreOptions {
  to?: string
  lsn?: string
  xid?: string
  name?: string
  immediate?: true
  exclusive?: true
  image?: string
  timeline?: string
  host?: string
  dest?: string
  filesOnly?: true
  pause?: true
  hash?: string
  wait?: true
}

function targetOf({ to, lsn, xid, name, immediate, exclusive }: RestoreOptions): z.input<typeof RecoveryTarget> {
  const given = [to, lsn, xid, name, immediate].filter((one) => one !== undefined)
  if (given.length > 1) throw problem('invalid-input', 'Give one of --to, --lsn, --xid, --name and --immediate')
  const inclusive = exclusive !== true
  if (to !== undefined) return { kind: 'time', at: to, inclusive }
  if (lsn !== undefined) return { kind: 'lsn', lsn, inclusive }
  if (xid !== undefined) return { kind: 'xid', xid, inclusive }
  if (name !== undefined) return { kind: 'name', name }
  return immediate === true ? { kind: 'immediate' } : { kind: 'latest' }
}

async function requestOf(client: Awaited<ReturnType<typeof connect>>, sourceName: string, options: RestoreOptions): Promise<z.input<typeof RestoreRequest>> {
  const source = await findSource(client, sourceName)
  if (options.dest === undefined) throw problem('invalid-input', 'Where to is not said', { hint: 'Give --dest, an empty or new directory on the host; it gets data/ and archive/.' })
  return {
    sourceId: source.id, target: targetOf(options), hostId: options.host === undefined ? source.hostId : (await findHost(client, options.host)).id, destination: options.dest, prepareRecovery: options.filesOnly !== true, action: options.pause === true ? 'pause' : 'promote',
    ...(options.image === undefined ? {} : { imageId: options.image }), ...(options.timeline === undefined || options.timeline === 'latest' ? {} : { timeline: Number(options.timeline) }),
  }
}

function addRestore(restore: Command, printer: () => Printer): void {
  const withTarget = (command: Command): Command =>
    command
      .requiredOption('--dest <path>', 'directory on the host that gets data/ and archive/')
      .option('--host <name>', "host to restore to (default: the source's)")
      .option('--to <time>', 'to this time, such as 2026-03-12T10:00:00Z (default: the newest state)')
      .option('--lsn <position>', 'to this position in the WAL')
      .option('--xid <number>', 'to this transaction')
      .option('--name <name>', 'to this restore point')
      .option('--immediate', 'to the end of the backup')
      .option('--exclusive', 'stop just before the target')
      .option('--image <id>', 'from this image')
      .option('--timeline <number>', 'on this timeline')
      .option('--files-only', 'write no recovery settings')
      .option('--pause', 'pause at the target instead of promoting')

  withTarget(restore.command('plan <source>').description('Say what a restore would do; changes nothing')).action(async (name: string, options: RestoreOptions) => {
    const client = await connect()
    const answer = await client.restore.plan(await requestOf(client, name, options))
    if (!answer.ok) throw problem('not-reachable', answer.refusal.reason, { hint: answer.refusal.hint, detail: `Nearest moments: ${[answer.refusal.before, answer.refusal.after].filter((one) => one !== null).join(', ') || 'none'}.` })
    const { plan } = answer
    printer().print(plan, () => [
      facts({ Restores: `${plan.sourceName} (PostgreSQL ${plan.major})`, To: `${plan.destination} on ${plan.hostName}`, Until: plan.targetText, Needs: sizeInWords(plan.neededBytes), Transfers: sizeInWords(plan.transferBytes), Takes: `about ${spanInWords(plan.estimatedSeconds)}`, Loses: plan.loses, Start: plan.startCommand, Hash: plan.hash }),
      '', ...plan.steps.map((step, index) => `${index + 1}. ${step}`), ...plan.notes.map((note) => `Note: ${note}`),
    ].join('\n'))
  })
  withTarget(restore.command('start <source>').description('Plan a restore and carry it out'))
    .option('--hash <hash>', 'only if the plan is still this one')
    .option('--wait', 'follow it to its end')
    .action(async (name: string, options: RestoreOptions) => {
      const client = await connect()
      const request = await requestOf(client, name, options)
      const answer = options.hash === undefined ? await client.restore.plan(request) : null
      if (answer?.ok === false) throw problem('not-reachable', answer.refusal.reason, { hint: answer.refusal.hint })
      const hash = options.hash ?? (answer?.ok === true ? answer.plan.hash : '')
      const started = await client.restore.start({ ...request, hash })
      await finish(client, started, { wait: options.wait === true, printer: printer() })
      if (options.wait === true && answer?.ok === true) printer().note(`Start it with: ${answer.plan.startCommand}\n`)
    })
}

