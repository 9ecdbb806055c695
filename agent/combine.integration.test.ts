// A chain of changed-block images of PostgreSQL 17: what its own pg_combinebackup makes of them and what a restore makes of them are the same files.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { accessTo, changedBackup, destinationIn, fullBackup, runRestore, startAgent, type StoredBackup } from '#e2e/hosts/agent.ts'
import { debianBinaries, serverFolder, startCluster } from '#e2e/hosts/cluster.ts'
import { beginHistory, steps } from '#e2e/hosts/history.ts'
import { isMatrix } from '#e2e/hosts/majors.ts'
import { newerTools } from '#e2e/hosts/newer-tools.ts'

const run = promisify(execFile)
const tools = process.getuid?.() === 0 ? await newerTools() : null

/** An image by zstd and tar. */
async function unpacked({ folder, result }: StoredBackup): Promise<string> {
  const into = await serverFolder('image')
  for (const stripe of new Set(result.volumes.map(({ name }) => name.split('.')[0]))) await run('sh', ['-c', `cat ${folder}/${stripe}.*.tar.zst | zstd -dcq | tar -x -p -f - -C ${into}`])
  await run('chmod', ['0700', into])
  return into
}

/** Every file below a directory by its path. */
async function filesOf(directory: string): Promise<Map<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return new Map(entries.filter((entry) => entry.isFile()).map((entry) => [join(entry.parentPath, entry.name).slice(directory.length + 1), join(entry.parentPath, entry.name)]))
}

test.skipIf(tools === null).each([{ summaries: false }, ...(isMatrix ? [{ summaries: true }] : [])])('pg_combinebackup of the unpacked images equals our merge file for file, and pg_verifybackup accepts both (summaries $summaries) [E10]', async ({ summaries }) => {
  if (tools === null) return
  const tool = async (program: string, ...args: string[]): Promise<string> => {
    const [file, ...rest] = tools.argv(program, ...args)
    return (await run(file, rest)).stdout
  }
  await using cluster = await startCluster({ major: 17, checksums: true, settings: summaries ? { summarize_wal: 'on' } : {} })
  await using agent = await startAgent()
  await beginHistory(cluster)
  // pg_combinebackup follows no link of a tablespace that a plain unpacking does not make.
  await cluster.sql('drop table aside; alter table rewritten set tablespace pg_default')
  await cluster.sql('drop tablespace side')
  const within = steps.filter((step) => !step.toString().includes('aside') && !step.toString().includes('side'))
  const chain: StoredBackup[] = [await fullBackup(agent, accessTo(cluster))]
  for (let round = 1; round <= 3; round += 1) {
    for (const [index, step] of within.entries()) await step(cluster, round * 10 + index)
    const base = chain.at(-1)
    if (base !== undefined) chain.push(await changedBackup(agent, accessTo(cluster), base))
  }
  const plain = await Promise.all(chain.map(unpacked))
  const combined = join(await serverFolder('combined'), 'data')
  await tool('pg_combinebackup', '--manifest-checksums=SHA256', '-o', combined, ...plain)
  const byHand = join(await serverFolder('by-hand'), 'data')
  await run(process.execPath, [agent.file, 'combine', byHand, ...plain])
  const destination = await destinationIn(await serverFolder('restore'))
  await runRestore(agent, chain.at(-1) ?? chain[0]!, { destination })
  const restored = join(destination, 'data')
  for (const directory of [combined, restored, byHand]) expect(await tool('pg_verifybackup', '--no-parse-wal', directory)).toContain('successfully verified')

  const [theirs, ours] = [await filesOf(combined), await filesOf(restored)]
  expect([...ours.keys()].toSorted()).toEqual([...theirs.keys()].toSorted())
  const differing: string[] = []
  for (const [path, file] of theirs) if (path !== 'backup_manifest' && !(await readFile(file)).equals(await readFile(ours.get(path) ?? ''))) differing.push(path)
  expect(differing).toEqual([])
  await run('diff', ['-r', restored, byHand])
  expect(theirs.size).toBeGreaterThan(900)
})

test('without PostgreSQL’s own program, as before 17, the agent combines unpacked images into the same files; what is no chain is refused by name [E10] [K14]', async () => {
  await using cluster = await startCluster({ major: 13 })
  await using agent = await startAgent()
  await beginHistory(cluster)
  const chain: StoredBackup[] = [await fullBackup(agent, accessTo(cluster))]
  for (let round = 1; round <= 2; round += 1) {
    for (const [index, step] of steps.entries()) await step(cluster, round * 10 + index)
    const base = chain.at(-1)
    if (base !== undefined) chain.push(await changedBackup(agent, accessTo(cluster), base))
  }
  const plain = await Promise.all(chain.map(unpacked))
  const byHand = join(await serverFolder('by-hand'), 'data')
  const [full = '', , newest = ''] = plain
  const refused = await run(process.execPath, [agent.file, 'combine', byHand, full, newest]).catch((error: { stderr: string }) => error.stderr)
  expect(refused).toMatch(/was taken since \S+, and does not follow/)
  expect(existsSync(byHand)).toBe(false)
  await run(process.execPath, [agent.file, 'combine', byHand, ...plain])
  const destination = await destinationIn(await serverFolder('restore'))
  await runRestore(agent, chain.at(-1) ?? chain[0]!, { destination })
  expect((await run(join(debianBinaries, 'pg_verifybackup'), ['--no-parse-wal', byHand])).stdout).toContain('successfully verified')
  // A restore links tablespaces, and its manifest has the map of them; unpacked they are directories.
  const { stdout } = await run('diff', ['-rq', '--exclude=tablespace_map', '--exclude=pg_tblspc', '--exclude=backup_manifest', join(destination, 'data'), byHand]).catch((error: { stdout: string }) => error)
  expect(stdout).toBe('')
})
