// `recover` without flags: asks on a terminal, in the words of Amanda's amrecover. Also reads its commands from a pipe.
import { createInterface } from 'node:readline/promises'
import { isAbsolute, join } from 'node:path'
import { problem } from '#lib/domain/problem.ts'
import { countInWords, momentInWords, sizeInWords } from '#lib/domain/words.ts'
import type { Found, StoredSource } from '#lib/stored/stored-sources.ts'
import type { WalKey } from '#lib/stored/stored-wal.ts'
import { dateOf, type Part, type RecoverOptions, tablespaceOf, type Target } from './recover-options.ts'
import { openPlace, ownStorage, type Place, readKeys } from './recover-place.ts'
import { chooseSource, historyText, planText, prepare, type Prepared, readPlace } from './recover-plan.ts'
import { restorePrepared, warningsOf } from './recover-restore.ts'
import { problemText, screenOf } from './recover-screen.ts'
import { asProblem } from './system-problem.ts'

const PARTS = ['data', 'archive'] as const satisfies readonly Part[]

interface State {
  options: RecoverOptions
  place: Place | null
  found: Found | null
  host: string | null
  target: Target
  /** A day that is not over, or later than the last WAL, means its newest state. */
  allowLatest: boolean
  keys: readonly WalKey[]
  source: StoredSource | null
  added: Set<Part>
  directory: string
  tablespaces: Record<string, string>
  prepared: Prepared | null
}

interface Shell {
  state: State
  say: (text: string) => void
  ask: (prompt: string) => Promise<string | null>
  /** Runs work that Ctrl-C ends, and not the shell. */
  interruptible: <T>(work: (signal: AbortSignal) => Promise<T>) => Promise<T>
}

interface Command {
  usage: string
  about: string
  run: (shell: Shell, args: readonly string[]) => Promise<void> | void
}

const wrong = (usage: string): Error => problem('invalid-input', `The form is: ${usage}`, { hint: 'help says what there is.' })

function opened({ place, found }: State): { place: Place; found: Found } {
  if (place === null || found === null) throw problem('invalid-input', 'Where the backups lie is not said', { hint: 'Use setstorage DIRECTORY, or setstorage s3://BUCKET/PREFIX' })
  return { place, found }
}

function chosen(state: State): StoredSource {
  if (state.source === null) throw problem('invalid-input', 'No source is chosen', { hint: 'listdisk shows them; choose one by setdisk.' })
  return state.source
}

const within = ({ found, host, options: { set } }: State): StoredSource[] => (found?.sources ?? []).filter((source) => (set === null || source.setName === set) && (host === null || source.remembered?.hostName === host))

/** A new place, set or moment: what was planned is planned anew when it is needed. */
const changed = (state: State, changes: Partial<State>): void => void Object.assign(state, { prepared: null }, changes)

async function planned(state: State): Promise<Prepared> {
  const { place } = opened(state)
  state.prepared ??= await prepare(place, chosen(state), state.keys, { wanted: { ...state.options, target: state.target }, now: Date.now(), allowLatest: state.allowLatest })
  return state.prepared
}

async function openStorage({ state, say }: Shell, from: string | null): Promise<void> {
  const place = await openPlace({ ...state.options.place, from })
  const found = await readPlace(place)
  changed(state, { place, found, source: null })
  say(`Storage set to ${place.name}: ${countInWords(found.sources.length, 'source')}.`)
  for (const line of warningsOf(found, null)) say(line)
  const [only] = within(state)
  if (only !== undefined && within(state).length === 1) chooseDisk({ state, say }, only)
}

function chooseDisk({ state, say }: Pick<Shell, 'state' | 'say'>, source: StoredSource): void {
  changed(state, { source, added: new Set() })
  say(`Disk set to ${source.setName}/${source.name}.`)
}

const targetWords = ({ planned: target }: Target): string => (target.kind === 'time' ? `${new Date(target.at).toString().replace(/ \(.*\)$/, '')}, ${momentInWords(target.at)}` : target.kind === 'lsn' ? `LSN ${target.lsn.toString(16).toUpperCase()}` : target.kind === 'xid' ? `transaction ${target.xid}` : target.kind === 'name' ? `restore point "${target.name}"` : target.kind === 'immediate' ? 'the end of the newest backup' : 'the newest state')

function partsOf(args: readonly string[], usage: string): readonly Part[] {
  const [name] = args
  if (name === undefined || args.length > 1) throw wrong(usage)
  if (name === '.' || name === '*' || name === '/') return PARTS
  const part = PARTS.find((one) => one === name.replace(/\/$/, ''))
  if (part === undefined) throw problem('not-found', `There is no ${name} here`, { hint: 'There are data and archive; add . adds both.' })
  return [part]
}

async function listing(shell: Shell): Promise<void> {
  const { plan } = await planned(shell.state)
  shell.say(`${sizeInWords(plan.rawBytes).padStart(10)}  data/     the data directory, from ${countInWords(plan.images.length, 'image')}`)
  shell.say(`${sizeInWords(plan.walBytes).padStart(10)}  archive/  ${countInWords(plan.wal.length, 'WAL file')} that ${plan.wal.length === 1 ? 'brings' : 'bring'} it to ${targetWords(shell.state.target)}`)
}

const isYes = (text: string): boolean => /^(|y|yes)$/i.test(text.trim())

async function extract(shell: Shell): Promise<void> {
  const { state, say } = shell
  const { place, found } = opened(state)
  const source = chosen(state)
  if (state.added.size === 0) throw problem('invalid-input', 'Nothing is added', { hint: 'add . takes data and archive; then extract.' })
  const only = state.added.size === 2 ? null : ([...state.added][0] ?? null)
  const prepared = await planned(state)
  say(planText(prepared, state.directory, only))
  for (const line of warningsOf(found, source)) say(line)
  const answer = await shell.ask(`Restoring into directory ${state.directory}. Continue [Y/n]? `)
  if (answer === null || !isYes(answer)) return say('Nothing was restored.')
  await shell.interruptible((signal) => restorePrepared({ place, found, keys: state.keys, screen: screenOf(process.stdout), signal }, prepared, { ...state.options, target: state.target, tablespaces: state.tablespaces, only, destination: state.directory }))
  state.added.clear()
}

const commands: Readonly<Record<string, Command>> = {
  setstorage: { usage: 'setstorage PLACE', about: 'where the backups lie: a directory, or s3://BUCKET/PREFIX', run: (shell, [from]) => openStorage(shell, from ?? ownStorage()) },
  setkey: {
    usage: 'setkey FILE...', about: 'opens what is encrypted: files with AGE-SECRET-KEY-1... lines',
    async run({ state, say }, files) {
      if (files.length === 0) throw wrong('setkey FILE...')
      const keys = await readKeys(files)
      changed(state, { keys })
      say(`${countInWords(keys.length, 'key')} read.`)
    },
  },
  listset: { usage: 'listset', about: 'backup sets', run: ({ state, say }) => [...new Set(opened(state).found.sources.map(({ setName }) => setName))].forEach((name) => say(`  ${name}`)) },
  setset: {
    usage: 'setset SET', about: 'only sources of this backup set',
    run({ state, say }, [name]) {
      if (name === undefined) throw wrong('setset SET')
      if (!opened(state).found.sources.some(({ setName }) => setName === name)) throw problem('not-found', `There is no backup set ${name} here`, { hint: 'listset shows them.' })
      changed(state, { options: { ...state.options, set: name }, source: null })
      say(`Backup set set to ${name}.`)
      const [only] = within(state)
      if (only !== undefined && within(state).length === 1) chooseDisk({ state, say }, only)
    },
  },
  listhost: { usage: 'listhost', about: 'hosts that were backed up', run: ({ state, say }) => [...new Set(opened(state).found.sources.map(({ remembered }) => remembered?.hostName ?? 'not known'))].forEach((name) => say(`  ${name}`)) },
  sethost: {
    usage: 'sethost HOST', about: 'only sources of this host',
    run({ state, say }, [name]) {
      if (name === undefined) throw wrong('sethost HOST')
      if (!opened(state).found.sources.some(({ remembered }) => remembered?.hostName === name)) throw problem('not-found', `There is no host ${name} here`, { hint: 'listhost shows them.' })
      changed(state, { host: name, source: null })
      say(`Host set to ${name}.`)
      const [only] = within(state)
      if (only !== undefined && within(state).length === 1) chooseDisk({ state, say }, only)
    },
  },
  listdisk: {
    usage: 'listdisk', about: 'sources: what setdisk takes',
    run({ state, say }) {
      opened(state)
      if (within(state).length === 0) say('There is none.')
      for (const source of within(state)) say(`  ${source.setName}/${source.name}  ${source.remembered === null ? '' : `${source.remembered.hostName}:${source.remembered.dataDirectory}, `}${countInWords(source.images.length, 'image')}, ${countInWords(source.wal.length, 'WAL file')}`)
    },
  },
  setdisk: {
    usage: 'setdisk SOURCE', about: 'the source to restore, by its name or its data directory',
    run(shell, [name]) {
      const { found } = opened(shell.state)
      if (name === undefined) throw wrong('setdisk SOURCE')
      const fitting = within(shell.state).filter((source) => [source.name, `${source.setName}/${source.name}`, source.remembered?.dataDirectory].includes(name))
      const [only] = fitting
      if (only === undefined || fitting.length > 1) chooseSource({ ...found, sources: fitting.length === 0 ? within(shell.state) : fitting }, { set: shell.state.options.set, source: fitting.length === 0 ? name : null })
      else chooseDisk(shell, only)
    },
  },
  setdate: {
    usage: 'setdate WHEN', about: '2026-11-18 (its end), 2026-11-18-14-03-22, a time with its zone, latest, lsn:…, xid:…, name:…, immediate',
    run({ state, say }, args) {
      if (args.length === 0) throw wrong('setdate 2026-11-18-14-03-22')
      changed(state, dateOf(args.join(' ')))
      say(`Restore date set to ${targetWords(state.target)}.`)
    },
  },
  history: { usage: 'history', about: 'images of the source', run: ({ state, say }) => historyText(chosen(state)).forEach(say) },
  ls: { usage: 'ls', about: 'what can be added, as of the date', run: listing },
  add: {
    usage: 'add data | archive | .', about: 'to what extract restores',
    run({ state, say }, args) {
      chosen(state)
      for (const part of partsOf(args, 'add data | archive | .')) {
        state.added.add(part)
        say(`Added /${part}`)
      }
    },
  },
  delete: {
    usage: 'delete data | archive | .', about: 'from what extract restores',
    run({ state, say }, args) {
      for (const part of partsOf(args, 'delete data | archive | .')) say(state.added.delete(part) ? `Deleted /${part}` : `/${part} was not added`)
    },
  },
  list: { usage: 'list', about: 'what was added', run: ({ state, say }) => (state.added.size === 0 ? say('Nothing is added.') : PARTS.filter((part) => state.added.has(part)).forEach((part) => say(`  /${part}`))) },
  clear: { usage: 'clear', about: 'adds nothing any more', run: ({ state }) => state.added.clear() },
  settablespace: {
    usage: 'settablespace OID=DIR', about: 'where a tablespace goes',
    run({ state, say }, [text]) {
      if (text === undefined) throw wrong('settablespace OID=DIR')
      const [oid, path] = tablespaceOf(text)
      state.tablespaces = { ...state.tablespaces, [oid]: path }
      say(`Tablespace ${oid} goes to ${path}.`)
    },
  },
  lcd: {
    usage: 'lcd DIRECTORY', about: 'where extract restores to; an empty directory, or a new one',
    run({ state, say }, [path]) {
      if (path === undefined) throw wrong('lcd DIRECTORY')
      state.directory = isAbsolute(path) ? path : join(state.directory, path)
      say(`Extracting into ${state.directory}`)
    },
  },
  lpwd: { usage: 'lpwd', about: 'shows it', run: ({ state, say }) => say(state.directory) },
  plan: { usage: 'plan', about: 'what extract would do', run: async ({ state, say }) => say(planText(await planned(state), state.directory, null)) },
  extract: { usage: 'extract', about: 'restores what was added', run: extract },
}
const aliases: Readonly<Record<string, string>> = { '?': 'help', setdevice: 'setstorage', dir: 'ls', exit: 'quit', q: 'quit' }

const helpText = (): string => [...Object.values(commands), { usage: 'help', about: 'this' }, { usage: 'quit', about: 'ends' }].map(({ usage, about }) => `  ${usage.padEnd(28)} ${about}`).join('\n')

/** Words, where quotes keep spaces. */
const wordsOf = (line: string): string[] => [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, plain]) => double ?? single ?? plain ?? '')

/** Answers the exit code: of a pipe 1 when a command of it failed. */
export async function shell(options: RecoverOptions, signal: AbortSignal): Promise<number> {
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY
  const lines = createInterface({ input: process.stdin, ...(isTerminal ? { output: process.stdout } : {}), terminal: isTerminal })
  const reader = lines[Symbol.asyncIterator]()
  const say = (text: string) => void process.stdout.write(`${text}\n`)
  let working: AbortController | null = null
  const interrupt = () => (working === null ? say('\nquit ends.') : working.abort())
  lines.on('SIGINT', interrupt)
  signal.addEventListener('abort', () => (working === null ? lines.close() : working.abort()))
  const it: Shell = {
    state: { options, place: null, found: null, host: null, target: options.target, allowLatest: false, keys: [], source: null, added: new Set(), directory: process.cwd(), tablespaces: options.tablespaces, prepared: null },
    say,
    async ask(prompt) {
      if (isTerminal) {
        lines.setPrompt(prompt)
        lines.prompt()
      }
      const next = await reader.next()
      return next.done === true ? null : next.value
    },
    async interruptible(work) {
      working = new AbortController()
      try {
        return await work(working.signal)
      } finally {
        working = null
      }
    },
  }
  let hasFailed = false
  const attempt = async (work: () => Promise<void> | void): Promise<void> => {
    try {
      await work()
    } catch (error) {
      hasFailed = true
      say(problemText(asProblem(error)))
    }
  }

  say('Howdah recover: restores without the console. Type help for what there is.')
  await attempt(async () => {
    it.state.keys = await readKeys(options.keyFiles)
    if (options.place.from !== null || ownStorage() !== null) await openStorage(it, options.place.from)
    if (options.source !== null) await commands['setdisk']?.run(it, [options.source])
  })
  for (;;) {
    const line = await it.ask('recover> ')
    if (line === null) break
    const [said = '', ...args] = wordsOf(line)
    const name = aliases[said] ?? said
    if (name === 'quit') break
    if (name === '') continue
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (name === 'help') say(helpText())
    else await attempt(() => (command === undefined ? Promise.reject(problem('invalid-input', `There is no command ${said}`, { hint: 'help says what there is.' })) : command.run(it, args)))
  }
  lines.close()
  return hasFailed && !isTerminal ? 1 : 0
}
