// Gets from a fresh clone to a running TypeScript program: installs the packages if they are missing and hands over to the pinned Node. Runs on any Node >= 20.19 with nothing installed.
import { access, constants, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { exitText, start } from '#lib/platform/process.mjs'

const top = dirname(dirname(fileURLToPath(import.meta.url)))
const oldest = { major: 20, minor: 19 }

/** @typedef {Record<string, { version?: string, dev?: boolean, optional?: boolean, devOptional?: boolean }>} Packages */

/**
 * Pure: the packages of package-lock.json that node_modules does not have in that version. npm leaves what it installed in node_modules/.package-lock.json.
 * @param {Packages} wanted
 * @param {Packages} installed
 * @param {boolean} withDev
 */
export const missingPackages = (wanted, installed, withDev) =>
  Object.entries(wanted)
    .filter(([path, { dev, optional, devOptional }]) => path !== '' && optional !== true && (withDev || (dev !== true && devOptional !== true)))
    .filter(([path, { version }]) => installed[path]?.version !== version)
    .map(([path]) => path)

/**
 * @param {string} path
 * @returns {Promise<Packages | undefined>}
 */
export async function packagesOf(path) {
  try {
    return /** @type {{ packages: Packages }} */ (JSON.parse(await readFile(path, 'utf8'))).packages
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** @param {number} sinceMs */
const seconds = (sinceMs) => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`

/**
 * Installs exactly package-lock.json when something of it is missing. Packages for development stay if they are there already.
 * @param {boolean} needsDev
 */
async function ensurePackages(needsDev) {
  const wanted = (await packagesOf(join(top, 'package-lock.json'))) ?? {}
  const installed = (await packagesOf(join(top, 'node_modules/.package-lock.json'))) ?? {}
  const withDev = needsDev || Object.keys(installed).some((path) => wanted[path]?.dev === true)
  const missing = missingPackages(wanted, installed, withDev)
  if (missing.length === 0) return
  const begin = performance.now()
  console.log(`Installing packages (${missing.length} of ${Object.keys(wanted).length - 1} are missing or of another version) …`)
  const { exited } = start({ argv: ['npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error', ...(withDev ? [] : ['--omit=dev'])], cwd: top }, { inherit: true })
  const exit = await exited
  if (exit.code !== 0) throw new Error(`npm ci ended with ${exitText(exit)}. Howdah needs its packages from an npm registry; npm's own lines above say what failed.`)
  console.log(`  packages   ${seconds(begin).padStart(8)}`)
}

/** The Node of package.json's optional dependencies, or this one when it is new enough to run TypeScript. */
async function pinnedNode() {
  const pinned = join(top, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin/node')
  try {
    await access(pinned, constants.X_OK)
    return pinned
  } catch (error) {
    if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
    throw new Error(`No Node 24 comes with Howdah for this machine (${process.platform}-${process.arch}), and this is Node ${process.versions.node}. Install Node 24 and run the command with it.`, { cause: error })
  }
}

/**
 * Installs, then runs a script of ours to its end and ends with its exit code. Signals reach the script and are not answered here.
 * @param {{ script: string, args?: readonly string[], needsDev?: boolean }} what
 */
export async function handOver({ script, args = [], needsDev = false }) {
  try {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
    if (major < oldest.major || (major === oldest.major && minor < oldest.minor)) throw new Error(`Howdah needs Node ${oldest.major}.${oldest.minor} or newer, and this is ${process.versions.node}. Install a newer Node: https://nodejs.org`)
    await ensurePackages(needsDev)
    const child = start({ argv: [await pinnedNode(), join(top, script), ...args], cwd: process.cwd() }, { inherit: true })
    // Ctrl-C reaches every process of the terminal by itself; a signal sent to this process alone is passed on.
    process.on('SIGINT', () => {})
    for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal))
    const { code } = await child.exited
    process.exitCode = code ?? 1
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
