// The `recover` door: lists, plans and restores straight from a directory or a bucket, with nothing but this file and Node.js.
import { parseOptions, RECOVER_USAGE, type RecoverOptions } from './recover-options.ts'
import { openPlace, readKeys } from './recover-place.ts'
import { chooseSource, planText, prepare, readPlace, sourceText } from './recover-plan.ts'
import { restorePrepared, type Session, warningsOf } from './recover-restore.ts'
import { problemText, type Screen, screenOf } from './recover-screen.ts'
import { asProblem } from './system-problem.ts'

const exitCodes = { ok: 0, failed: 1, usage: 2 } as const

async function withFlags(options: RecoverOptions, screen: Screen, signal: AbortSignal): Promise<void> {
  const [place, keys] = [await openPlace(options.place), await readKeys(options.keyFiles)]
  const found = await readPlace(place)
  const session: Session = { place, found, keys, screen, signal }
  if (options.does === 'list') {
    const wanted = found.sources.filter(({ setName, name }) => (options.set === null || setName === options.set) && (options.source === null || name === options.source))
    if (wanted.length === 0) chooseSource(found, options)
    for (const source of wanted) screen.line(await sourceText(place, source, keys, Date.now()))
    for (const line of warningsOf(found, null)) screen.line(line)
    return
  }
  const source = chooseSource(found, options)
  for (const line of warningsOf(found, source)) screen.line(line)
  const prepared = await prepare(place, source, keys, { wanted: options, now: Date.now() })
  screen.line(planText(prepared, options.destination, options.only))
  if (options.does === 'restore' && options.destination !== null) await restorePrepared(session, prepared, { ...options, destination: options.destination })
}

/** Answers the exit code; every failure is one problem on stderr. */
export async function recover(args: readonly string[]): Promise<number> {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort())
  try {
    const options = parseOptions(args)
    if (options.does === 'help') process.stdout.write(`${RECOVER_USAGE}\n`)
    else if (options.does === 'ask') return await (await import('./recover-shell.ts')).shell(options, stop.signal)
    else await withFlags(options, screenOf(process.stdout), stop.signal)
    return exitCodes.ok
  } catch (error) {
    const reason = asProblem(error)
    process.stderr.write(`${problemText(reason)}\n`)
    return reason.code === 'invalid-input' ? exitCodes.usage : exitCodes.failed
  }
}
