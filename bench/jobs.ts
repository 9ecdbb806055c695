// The benchmarks: which contestants meet in each, and what is in the time.
import { join } from 'node:path'
import type { TestAgent } from '#e2e/hosts/agent.ts'
import type { Sshd } from '#e2e/hosts/sshd.ts'
import { changePages } from './data.ts'
import { freshFolder } from './commands.ts'
import type { Contestant, Scene } from './contestant.ts'
import { backupInto, copyFolder, deltaContestant, fullContestant, incrementalContestant, restoreContestant, storedFolder, storedOnce } from './local-howdah.ts'
import type { Cache, JobName, JobOptions, Options } from './options.ts'
import { deltaOf, fullOf, incrementalOf, installedPgbackrests, pgbackrest, restoreOf } from './pgbackrest.ts'
import { hasZstd, pgBasebackup, tarZstd } from './plain-peers.ts'
import type { Section } from './results.ts'
import { runRounds } from './rounds.ts'
import { throughSshd } from './ssh-howdah.ts'
import { walContestants } from './wal.ts'

export interface Bench {
  scene: Scene
  agent: TestAgent
  options: Options
  job: JobOptions
  say: (text: string) => void
  /** Called with each section as soon as it is measured. */
  done: (section: Omit<Section, 'notes' | 'processors'> & { note: string }) => Promise<void>
}

const wanted = <C extends { name: string }>(peers: readonly C[], only: readonly string[] | undefined): C[] =>
  peers.filter(({ name }) => only === undefined || only.some((part) => name.toLowerCase().includes(part.toLowerCase())))

/** Howdah first: the ratios are against it. */
const chosen = <C extends Contestant>(ours: C, peers: readonly C[], only: readonly string[] | undefined): C[] => [ours, ...wanted(peers, only)]

const headingOf = ({ scene, job }: Bench, ...more: string[]): string => [job.job, `${job.data} ${job.sizeGb} GB`, `PostgreSQL ${scene.cluster.major}`, ...more].join(' · ')
const wantedPgbackrests = async ({ scene, options: { only } }: Bench, through?: Sshd) =>
  wanted(await Promise.all((await installedPgbackrests(scene)).map((installed) => pgbackrest(scene, installed, through))), only)

const FAIR = 'zstd 3, two workers or threads, page checksums verified and files durable on every side but raw tar’s, which knows no checksums. In the time: program start, begin (fast checkpoint, one was just made), all files, end; not in it: waiting for WAL.'

async function full(bench: Bench): Promise<void> {
  const { scene, agent, job, options, say } = bench
  const peers = [...(await wantedPgbackrests(bench)).map(fullOf), pgBasebackup(scene), ...((await hasZstd()) ? [tarZstd(scene)] : [])]
  const contestants = chosen(fullContestant(agent, scene), peers, options.only)
  for (const cache of job.caches) {
    const outcomes = await runRounds({ cluster: scene.cluster, contestants, rounds: job.rounds, cache, reads: [scene.cluster.dataDirectory], say })
    await bench.done({ heading: headingOf(bench, `${cache} cache`, 'local directory'), outcomes, unit: 's', note: FAIR })
  }
}

async function ssh(bench: Bench): Promise<void> {
  const { scene, job, options, say } = bench
  await using through = await throughSshd(scene)
  const peers = await wantedPgbackrests(bench, through.sshd)
  const contestants = chosen(through.contestant, peers.map(fullOf), options.only)
  for (const cache of job.caches) {
    const outcomes = await runRounds({ cluster: scene.cluster, contestants, rounds: job.rounds, cache, reads: [scene.cluster.dataDirectory], say })
    await bench.done({ heading: headingOf(bench, `${cache} cache`, 'through sshd'), outcomes, unit: 's', note: `A full through OpenSSH’s sshd on loopback into a disk of the console or repository. In the time of both: signing in. Howdah’s console side runs in the benchmark’s own process: its CPU is counted, its memory is not. ${FAIR}` })
  }
}

async function incremental(bench: Bench): Promise<void> {
  const { scene, agent, job, options, say } = bench
  if (job.data !== 'pgbench') throw new Error('Incrementals change pages of pgbench’s tables: use --data pgbench.')
  const contestants = chosen(incrementalContestant(agent, scene), (await wantedPgbackrests(bench)).map(incrementalOf), options.only)
  for (const contestant of contestants) {
    say(`  full of ${contestant.name}`)
    await contestant.full()
  }
  let changed = 0
  for (const pages of [0, ...options.pages]) {
    if (pages > 0) {
      const done = await changePages(scene.cluster, pages)
      changed += done
      say(`  changed ${done} pages`)
    }
    const what = pages === 0 ? 'nothing changed' : `${changed} pages changed`
    for (const cache of job.caches) {
      const outcomes = await runRounds({ cluster: scene.cluster, contestants, rounds: job.rounds, cache, reads: [scene.cluster.dataDirectory], say })
      await bench.done({ heading: headingOf(bench, pages === 0 ? what : `${pages} more pages changed`, `${cache} cache`), outcomes, unit: 's', note: `Since the same full on every side: ${what} (at random places of pgbench_accounts, no index touched). pgBackRest’s differential, so that each round has the same to do; versions before 2.46 store whole files. ${FAIR}` })
    }
  }
}

const DURABLE = 'two workers, files only (no WAL), digests verified, durable at the end on every side.'
const LINKS = 6
const PAGES_BETWEEN = 4000

async function restore(bench: Bench): Promise<void> {
  const { scene, agent, job, options, say } = bench
  const peers = await wantedPgbackrests(bench)
  const folder = await freshFolder(storedFolder(scene))
  const full = storedOnce(async () => backupInto(agent, scene, await freshFolder(join(folder, 'full'))))
  const stored = [folder, ...peers.map(({ repository }) => repository)]
  const measured = async (contestants: Contestant[], cache: Cache, heading: string, note: string, reads = stored): Promise<void> => {
    // What any of them reads is there before the first one begins.
    for (const contestant of contestants) await contestant.prepare()
    const outcomes = await runRounds({ cluster: scene.cluster, contestants, rounds: job.rounds, cache, reads, say })
    await bench.done({ heading: headingOf(bench, heading, `${cache} cache`), outcomes, unit: 's', note })
  }
  for (const cache of job.caches) {
    await measured(chosen(restoreContestant(agent, scene, { make: full }), peers.map((peer) => restoreOf(scene, peer)), options.only), cache, 'into an empty place', `One full from a local directory into an empty one, ${DURABLE}`)
    await measured(chosen(deltaContestant(agent, scene, full), peers.map(deltaOf), options.only), cache, 'delta, nothing differs', `Onto a copy that is what the full holds already: every file of it is read and compared; ${DURABLE}`, [...stored, copyFolder(scene), ...peers.map(({ restored }) => restored)])
  }
  if (job.data !== 'pgbench') return
  const chain = storedOnce(async () => {
    let newest = await full()
    for (let link = 1; link <= LINKS; link += 1) {
      await changePages(scene.cluster, PAGES_BETWEEN)
      newest = await backupInto(agent, scene, await freshFolder(join(folder, `link-${link}`)), newest)
    }
    return newest
  })
  await chain()
  for (const cache of job.caches) {
    const contestants = [restoreContestant(agent, scene, { name: 'Howdah, the full alone', make: full }), restoreContestant(agent, scene, { name: `Howdah, the full and ${LINKS} incrementals of changed blocks`, make: chain })]
    await measured(contestants, cache, 'a chain', `The same full alone, and with ${LINKS} incrementals of ${PAGES_BETWEEN} changed pages each put together; ${DURABLE}`)
  }
}

async function wal(bench: Bench): Promise<void> {
  const { scene, job, options, say } = bench
  const [ours, ...peers] = await walContestants(scene, await installedPgbackrests(scene))
  const outcomes = await runRounds({ cluster: scene.cluster, contestants: chosen(ours, peers, options.only), rounds: job.rounds, cache: 'warm', reads: [], say: () => undefined })
  say(`  ${job.rounds} rounds`)
  await bench.done({ heading: `wal · one segment of 16 MB · PostgreSQL ${scene.cluster.major}`, outcomes, unit: 'ms', note: 'One full segment handed over by /bin/sh as the server would, durable with its directory on every side. Howdah’s recommended archive_command stores it as it is (the agent compresses it later); pgBackRest compresses by zstd 3 in archive-push, synchronously.' })
}

const doers: Record<JobName, (bench: Bench) => Promise<void>> = { full, ssh, incremental, restore, wal }

export async function runJob(bench: Bench): Promise<void> {
  await freshFolder(join(bench.scene.scratch, 'spool'))
  await doers[bench.job.job](bench)
}
