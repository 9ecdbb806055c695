// Howdah without SSH: the bundled agent writes volumes into its spool, and this driver moves them durably into a local directory, and back for a restore.
import { randomUUID } from 'node:crypto'
import { chmod, link, mkdir, open, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { followRun, newRunId, settingsWith, startAgent, type TestAgent } from '#e2e/hosts/agent.ts'
import { ProblemError } from '#lib/domain/problem.ts'
import { type BackupJob, BackupResult, type RestoreJob, RestoreResult } from '#lib/protocol/cluster.ts'
import { freshFolder, bytesIn, setAside } from './commands.ts'
import { type Contestant, type IncrementalContestant, LEVEL, type Scene, WORKERS } from './contestant.ts'

interface Stored { folder: string; result: BackupResult; base?: Stored }

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export const settingsOfBench = settingsWith({ compression: 'level', compressionLevel: LEVEL, workers: WORKERS })

export const jobOf = ({ cluster, scratch }: Scene, base?: Stored): BackupJob => ({
  kind: 'backup', cluster: { ...cluster.access, tempDirectory: join(scratch, 'spool') }, settings: settingsOfBench, label: `howdah bench ${randomUUID()}`,
  ...(base === undefined ? {} : { base: { beginLsn: base.result.beginLsn, timeline: base.result.timeline, index: base.result.index } }),
})

/** Runs a job by an agent started for it. A sealed volume goes to `volumes`, a needed file comes from where `find` says. */
async function runJob(installed: TestAgent, job: BackupJob | RestoreJob, files: { volumes?: string; find?: (name: string) => string }): Promise<unknown> {
  const agent = await startAgent({ beside: installed })
  try {
    const runId = newRunId()
    const temp = job.kind === 'backup' ? job.cluster.tempDirectory : job.kind === 'restore' ? job.tempDirectory : undefined
    if (temp === undefined) throw new Error('The job names no folder for its spool.')
    const spool = join(temp, `howdah-${runId}`)
    await agent.call('run.start', { runId, job })
    const moves: Promise<void>[] = []
    const move = async (name: string, into: string, sha256: string): Promise<void> => {
      await syncPath(join(spool, name))
      await rename(join(spool, name), join(into, name))
      await agent.call('run.confirm', { runId, name, sha256 })
    }
    const { end } = await followRun(agent, runId, async ({ body }) => {
      if (body.kind === 'volume' && files.volumes !== undefined) moves.push(move(body.name, files.volumes, body.sha256))
      if (body.kind !== 'need' || files.find === undefined) return
      const path = join(spool, body.name)
      // The agent may be another user, who removes what it has used.
      await mkdir(dirname(path), { recursive: true })
      await chmod(dirname(path), 0o777)
      await link(files.find(body.name), path)
    })
    await Promise.all(moves)
    if (files.volumes !== undefined) await syncPath(files.volumes)
    if (end === null) throw new Error('The process of the run died.')
    if (end.outcome !== 'succeeded') throw end.problem === undefined ? new Error(`The run ended as ${end.outcome}.`) : new ProblemError(end.problem)
    await agent.call('run.release', { runId })
    return end.result
  } finally {
    agent.hangUp()
  }
}

/** A backup into a local folder; onto `base` it stores changed blocks. */
export async function backupInto(installed: TestAgent, scene: Scene, folder: string, base?: Stored): Promise<Stored> {
  const result = await runJob(installed, jobOf(scene, base), { volumes: folder, ...(base === undefined ? {} : { find: () => join(base.folder, base.result.index.name) }) })
  return { folder, result: BackupResult.parse(result), ...(base === undefined ? {} : { base }) }
}

const NAME = 'Howdah'

export function fullContestant(installed: TestAgent, scene: Scene): Contestant {
  const folder = join(scene.scratch, 'howdah')
  return {
    name: NAME,
    async prepare() {
      await freshFolder(folder)
    },
    async run() {
      await backupInto(installed, scene, folder)
    },
    stored: () => bytesIn(folder),
    clear: async () => void (await freshFolder(folder)),
  }
}

export function incrementalContestant(installed: TestAgent, scene: Scene): IncrementalContestant {
  const [fullFolder, folder] = [join(scene.scratch, 'howdah-full'), join(scene.scratch, 'howdah')]
  let base: Stored | undefined
  return {
    ...fullContestant(installed, scene),
    async full() {
      base = await backupInto(installed, scene, await freshFolder(fullFolder))
    },
    async run() {
      if (base === undefined) throw new Error('There is no full yet.')
      const { result } = await backupInto(installed, scene, folder, base)
      if (result.changes === null) throw new Error('The agent took a full instead of changed blocks.')
    },
  }
}

/** The full first, then each image of changed blocks. */
const chainOf = (stored: Stored): Stored[] => [...(stored.base === undefined ? [] : chainOf(stored.base)), stored]

/** The images' files are linked into the spool, as a storage in a local directory would give them. */
async function restoreFrom(installed: TestAgent, scene: Scene, stored: Stored, destination: string, isDelta = false): Promise<void> {
  const chain = chainOf(stored)
  const { major, systemIdentifier } = stored.result
  const job: RestoreJob = {
    kind: 'restore', destination, tempDirectory: join(scene.scratch, 'spool'), images: chain.map(({ result: { volumes, index } }) => ({ id: randomUUID(), volumes, index })), wal: [], major, workers: WORKERS,
    ...(isDelta ? { delta: { systemIdentifier } } : {}),
  }
  const find = (name: string): string => {
    const [, image, file = ''] = /^image-(\d+)\/(.*)$/.exec(name) ?? []
    return join(chain[Number(image)]?.folder ?? '', file)
  }
  RestoreResult.parse(await runJob(installed, job, { find }))
}

/** Where images for restores are stored, so that a cold run reads them from the disk. */
export const storedFolder = (scene: Scene): string => join(scene.scratch, 'howdah-stored')

/** Into an empty place, from a full or from the newest of a chain, made off the clock by `make`. */
export function restoreContestant(installed: TestAgent, scene: Scene, { name = NAME, make }: { name?: string; make: () => Promise<Stored> }): Contestant {
  const destination = join(scene.scratch, 'howdah-restored', 'cluster')
  let stored: Stored | undefined
  return {
    name,
    async prepare() {
      stored ??= await make()
      await freshFolder(dirname(destination))
    },
    async run() {
      if (stored === undefined) throw new Error('There is no backup yet.')
      await restoreFrom(installed, scene, stored, destination)
    },
    stored: async () => bytesIn(destination),
    clear: () => setAside(scene.scratch, destination),
  }
}

/** Where the copy lies that a delta restore goes onto. */
export const copyFolder = (scene: Scene): string => join(scene.scratch, 'howdah-copy')

/** Onto a copy that nothing of differs. */
export function deltaContestant(installed: TestAgent, scene: Scene, make: () => Promise<Stored>): Contestant {
  const destination = join(copyFolder(scene), 'cluster')
  let stored: Stored | undefined
  return {
    name: NAME,
    async prepare() {
      if (stored !== undefined) return
      stored = await make()
      await freshFolder(dirname(destination))
      await restoreFrom(installed, scene, stored, destination)
    },
    async run() {
      if (stored === undefined) throw new Error('There is no backup yet.')
      await restoreFrom(installed, scene, stored, destination, true)
    },
    stored: () => Promise.resolve(null),
    clear: () => Promise.resolve(),
  }
}

/** Made once, whoever needs it first. */
export function storedOnce(make: () => Promise<Stored>): () => Promise<Stored> {
  let made: Promise<Stored> | undefined
  return () => (made ??= make())
}
export type { Stored }
