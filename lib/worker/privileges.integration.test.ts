// Backups by accounts that are nobody special: a member of the server's group, and the server's own user by way of sudo. With a real sshd and a real sudo.
import { execFile } from 'node:child_process'
import { chmod, readFile, rm } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testAccount } from '#e2e/hosts/accounts.ts'
import { type Cluster, type RunningServer, serverFolder, serverUser, startCluster, startRestored, startServer } from '#e2e/hosts/cluster.ts'
import { startTestConsole, type TestConsole } from '#e2e/hosts/console.ts'
import { contentOf } from '#e2e/hosts/history.ts'
import { startSshd } from '#e2e/hosts/sshd.ts'
import { testCatalog } from '#scripts/test-catalog.ts'

const run = promisify(execFile)
const grantFile = '/etc/sudoers.d/howdah'
const MAJOR = 16

describe.skipIf(userInfo().uid !== 0)('accounts without rights of their own', () => {
  const stack = new AsyncDisposableStack()
  let account: string
  let cluster: Cluster
  let server: RunningServer
  let console_: TestConsole
  let owner: string
  beforeAll(async () => {
    cluster = stack.use(await startCluster({ major: MAJOR }))
    server = cluster
    stack.defer(() => server.stop('immediate'))
    await server.sql('create table kept as select g as id, md5(g::text) as note from generate_series(1, 5000) g')
    const { name, gid } = await serverUser()
    owner = name
    const user = stack.use(await testAccount({ gid }))
    account = user.name
    const [sshd, catalog] = [stack.use(await startSshd({ user })), stack.use(await testCatalog())]
    console_ = stack.use(await startTestConsole({ databaseUrl: catalog.url, ssh: sshd, cluster, settings: { retries: 0, maxWalWaitSeconds: 20 } }))
    await console_.startWorker()
    await console_.run('test-storage', { storageId: console_.storageId })
    await console_.db.source.update({ where: { id: console_.sourceId }, data: { isActive: false } })
  })
  afterAll(() => stack.disposeAsync())

  /** As initdb --allow-group-access and chmod make it; the server takes the mode of new files from its directory when it starts. */
  const letGroup = async (mode: 'in' | 'out') => {
    await server.stop()
    await run('chmod', ['-R', mode === 'in' ? 'g+rX' : 'go-rwx', cluster.dataDirectory])
    await chmod(cluster.archiveDirectory, mode === 'in' ? 0o770 : 0o700)
    server = await startServer({ major: MAJOR, dataDirectory: cluster.dataDirectory, port: cluster.port, socketDirectory: cluster.socketDirectory })
  }
  const errors = async () => {
    const ended = await console_.run('check', { source: await console_.frozen(), announceSegmentSwitch: false })
    expect(ended.state).toBe('succeeded')
    return console_.db.checkResult.findMany({ where: { sourceId: console_.sourceId, status: 'error' } })
  }
  const deploy = () => console_.run('deploy', { hostId: console_.hostId })
  const deployed = async () => {
    const { state, problemMessage, problemDetail } = await deploy()
    return problemMessage === null ? state : [state, problemMessage, problemDetail].join('\n')
  }
  const runAs = (user: string | null) => console_.db.host.update({ where: { id: console_.hostId }, data: { runAs: user } })
  const backedUp = async () => {
    const ended = await console_.backup('full', true)
    expect(ended.state, JSON.stringify([ended.problemMessage, ended.problemDetail])).toBe('succeeded')
  }
  /** The newest image in another folder, started, against what the server holds. */
  const restored = async () => {
    const folder = await serverFolder('restored')
    stack.defer(() => rm(folder, { recursive: true, force: true }))
    await chmod(folder, 0o777)
    const { run: ended } = await console_.restore(join(folder, 'copy'))
    expect(ended.state, JSON.stringify([ended.problemMessage, ended.problemDetail])).toBe('succeeded')
    await using copy = await startRestored({ major: MAJOR, dataDirectory: join(folder, 'copy/data') })
    expect(await contentOf(copy)).toEqual(await contentOf(server))
  }

  test('a member of the group of the server backs up a data directory of mode 0750, and restores it [A5]', async () => {
    await letGroup('in')
    expect(await deployed()).toBe('succeeded')
    // What was archived before is as closed as the data directory was: told with the command that opens it.
    const [closed, ...others] = await errors()
    expect(others).toEqual([])
    expect(closed).toMatchObject({ line: 'archive-directory', fixKind: 'command', message: expect.stringContaining(`${account} may not read ${cluster.archiveDirectory}/0000`) as string })
    await run('sh', ['-c', closed?.fixText ?? ''])
    expect(await errors()).toEqual([])
    await backedUp()
    await restored()
  })

  test('with mode 0700 the check fails, naming the path, its mode and both ways out, and the backup fails before it begins [A5]', async () => {
    await letGroup('out')
    await chmod(cluster.archiveDirectory, 0o770)
    const lines = await errors()
    expect(lines.map(({ line }) => line)).toEqual(['data-readable'])
    expect(lines[0]?.message).toBe(`${account} may not read ${cluster.dataDirectory} (mode 0700, owner ${owner})`)
    expect(lines[0]?.fixText).toContain(`${account} ALL=(${owner}) NOPASSWD: ALL`)
    expect(lines[0]?.fixText).toContain(`chmod -R g+rX ${cluster.dataDirectory}`)
    // Deploying and describing do not need what they may not read.
    expect(await deployed()).toBe('succeeded')
    const seen = await console_.db.cluster.findFirstOrThrow({ where: { hostId: console_.hostId, dataDirectory: cluster.dataDirectory } })
    expect(seen).toMatchObject({ major: MAJOR, isRunning: true, problem: `${account} may not read ${cluster.dataDirectory} (mode 0700, owner ${owner}): let the agent run as ${owner}` })
    expect(await console_.backup('full', true)).toMatchObject({ state: 'failed', problemCode: 'check-failed', problemMessage: expect.stringContaining('mode 0700') as string })
  })

  test('run-as that sudo refuses is told with the line that grants it; that line, as it is, makes the owner back up what nobody else may read [A5] [A8] [C5]', async () => {
    await chmod(cluster.archiveDirectory, 0o700)
    const before = await readFile(grantFile).catch(() => null)
    expect(before, `${grantFile} belongs to somebody`).toBeNull()
    await runAs(owner)
    const refused = await deploy()
    expect(refused).toMatchObject({ state: 'failed', problemCode: 'host-sign-in-failed', problemMessage: `The host does not let ${account} run programs as ${owner}` })
    const [agentLine, ...others] = await errors()
    expect(others).toEqual([])
    expect(agentLine).toMatchObject({ line: 'agent', fixKind: 'command' })
    const command = agentLine?.fixText ?? ''
    expect(command).toContain(`${account} ALL=(${owner}) NOPASSWD: ALL`)
    stack.defer(() => rm(grantFile, { force: true }))
    await run('sh', ['-c', command])
    await run('visudo', ['-c', '-f', grantFile])

    expect(await deployed()).toBe('succeeded')
    try {
      const { agentPath } = await console_.db.host.findUniqueOrThrow({ where: { id: console_.hostId } })
      expect((await run('stat', ['-c', '%U', agentPath ?? ''])).stdout.trim()).toBe(owner)
      expect(await errors()).toEqual([])
      await backedUp()
      await restored()
      // Withdrawn, it is refused again; nothing asks for a password.
      await rm(grantFile)
      await runAs(null)
      await errors()
      await runAs(owner)
      expect((await errors()).map(({ line, fixText }) => [line, fixText])).toEqual([['agent', command]])
      await run('sh', ['-c', command])
    } finally {
      expect(await console_.run('undeploy', { hostId: console_.hostId })).toMatchObject({ state: 'succeeded' })
    }
  })
})
