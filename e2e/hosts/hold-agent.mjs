// Loaded into a test's agent before its own code: stops the process of a run for a while right after a chosen line of its journal. The agent itself knows nothing of it.
import childProcess from 'node:child_process'
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'

const folder = process.env['HOWDAH_TEST_HOLDS'] ?? ''
const POLL_MS = 3

/** As it is told apart from run to run: no numbers, no names of segments, no positions. */
/** @param {Record<string, string | undefined>} body */
const labelOf = ({ kind, phase, name, outcome, text }) => `${kind} ${phase ?? name ?? outcome ?? text ?? ''}`.replaceAll(/[0-9A-F]{24}|[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9A-F]+\/[0-9A-F]+\b/g, 'N').replaceAll(/[0-9]+/g, '#')

/** @param {string} label */
function reached(label) {
  appendFileSync(join(folder, 'steps'), `${JSON.stringify(label)}\n`)
  const armed = join(folder, 'armed')
  if (!existsSync(armed)) return
  const wanted = /** @type {{ label: string; occurrence: number }} */ (JSON.parse(readFileSync(armed, 'utf8')))
  const occurrence = readFileSync(join(folder, 'steps'), 'utf8').split('\n').filter((line) => line === JSON.stringify(label)).length
  if (wanted.label !== label || wanted.occurrence !== occurrence) return
  renameSync(armed, join(folder, 'taken'))
  writeFileSync(join(folder, 'held.new'), String(process.pid))
  renameSync(join(folder, 'held.new'), join(folder, 'held'))
  const clock = new Int32Array(new SharedArrayBuffer(4))
  while (existsSync(join(folder, 'held'))) Atomics.wait(clock, 0, 0, POLL_MS)
}

if (isMainThread && folder !== '') {
  if (process.argv[2] === 'run') {
    const write = fs.writeSync
    const writeSync = (/** @type {number} */ fd, /** @type {string} */ data, /** @type {number | undefined} */ at, /** @type {never} */ rest) => {
      const written = write(fd, data, at, rest)
      if (typeof data !== 'string' || !data.startsWith('{"seq":')) return written
      const { body } = /** @type {{ body: Record<string, string | undefined> }} */ (JSON.parse(data))
      if (body['kind'] !== 'progress') reached(labelOf(body))
      return written
    }
    Object.assign(fs, { writeSync })
    syncBuiltinESMExports()
    reached('process')
  } else {
    // The agent gives its runs a plain environment; a test's has two words more.
    const start = childProcess.spawn
    const spawn = (/** @type {string} */ program, /** @type {string[]} */ args, /** @type {childProcess.SpawnOptions} */ options) =>
      start(program, args, args.includes('run') ? { ...options, env: { NODE_ENV: 'production', ...options.env, NODE_OPTIONS: process.env['NODE_OPTIONS'], HOWDAH_TEST_HOLDS: folder } } : options)
    Object.assign(childProcess, { spawn })
    syncBuiltinESMExports()
  }
}
