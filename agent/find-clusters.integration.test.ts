// Clusters that are found by somebody who may not read them: named with why, and with a version only where something tells it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startAgent } from '#e2e/hosts/agent.ts'
import { asServerUser, startCluster } from '#e2e/hosts/cluster.ts'

const nobody = { uid: 65534, gid: 65534 }

test.skipIf(process.getuid?.() !== 0)('a running cluster whose files are closed is found with owner and mode; its version is what its program tells, else unknown [P2] [A5]', async () => {
  await using cluster = await startCluster({ major: 18 })
  await using agent = await startAgent({ as: nobody })
  const found = async () => (await agent.call('host.describe', {})).clusters.find(({ dataDirectory }) => dataDirectory === cluster.dataDirectory)
  const problem = `nobody may not read ${cluster.dataDirectory} (mode 0700, owner ${cluster.user.name}): let the agent run as ${cluster.user.name}`
  expect(await found()).toMatchObject({ isRunning: true, major: 18, owner: cluster.user.name, problem })
  // The same server from a folder whose name says nothing.
  await cluster.stop()
  const programs = join(cluster.folder, 'programs')
  await symlink(cluster.binaries, programs)
  const server = spawn(join(programs, 'postgres'), ['-D', cluster.dataDirectory, '-c', `port=${cluster.port}`, '-c', `unix_socket_directories=${cluster.socketDirectory}`], { stdio: 'ignore', ...(await asServerUser()) })
  try {
    await expect.poll(async () => (await found())?.isRunning, { timeout: 20_000 }).toBe(true)
    expect(await found()).toMatchObject({ major: null, problem })
  } finally {
    server.kill('SIGINT')
    await once(server, 'exit')
  }
})
