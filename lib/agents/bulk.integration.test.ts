// Files one after another over a real sshd and the real agent: the same program moves them, and one that ended while it waited costs nothing.
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { sha256Of } from '#lib/storage/objects.ts'
import { type Bulk, bulkOn } from './bulk.ts'
import { deploy } from './deploy.ts'
import { type Channel, connect, type Connection } from './ssh.ts'

const runId = '7b6f2a0e-3c55-4bb4-9f0f-3f3a6c1f6a10'
/** As the integration tests' setup built it. */
const builtAgent = join(import.meta.dirname, '../../dist/agent.mjs')

describe.skipIf(process.getuid?.() !== 0)('bulk transfers', () => {
  let sshd: Sshd, connection: Connection, bulk: Bulk, agentPath: string
  /** Channels that were opened for files. */
  const opened: Channel[] = []
  beforeAll(async () => {
    sshd = await startSshd()
    connection = await connect({ address: '127.0.0.1', port: sshd.port, user: sshd.user, secret: { privateKey: sshd.privateKey }, hostKey: sshd.hostKey })
    const content = await readFile(builtAgent)
    const deployed = await deploy(connection, { agent: { content, sha256: sha256Of(content), version: '0.0.0' }, runtime: { path: process.execPath, version: process.version, architecture: process.arch }, runAs: null, signedInAs: sshd.user, say: () => {} })
    const { runtime, sha256 } = deployed
    agentPath = deployed.agentPath
    const folder = join(sshd.home, '.howdah-agent/runs', runId)
    await mkdir(join(folder, 'spool'), { recursive: true })
    await writeFile(join(folder, 'state.json'), JSON.stringify({ runId, kind: 'restore', createdAt: new Date().toISOString(), spool: join(folder, 'spool') }))
    const counted: Connection = {
      get isOpen() {
        return connection.isOpen
      },
      closed: connection.closed,
      run: (command, options) => connection.run(command, options),
      close: () => connection.close(),
      async open(command) {
        const channel = await connection.open(command)
        opened.push(channel)
        return channel
      },
    }
    bulk = bulkOn(counted, { path: agentPath, sha256, runtime, runAs: null, signedInAs: sshd.user })(20_000)
  })
  afterAll(async () => {
    connection.close()
    await sshd[Symbol.asyncDispose]()
  })
  beforeEach(() => void opened.splice(0))

  const put = async (name: string, content: Buffer, said = content): Promise<void> =>
    bulk.send({ op: 'put', runId, name, offset: 0, sizeBytes: content.length, sha256: sha256Of(content) }, (offset) => Promise.resolve((async function* () {
      for (let at = offset; at < said.length; at += 100_000) yield said.subarray(at, at + 100_000)
    })()))
  const get = async (name: string, offset = 0): Promise<Buffer> => {
    const { body } = await bulk.receive({ op: 'get', runId, name, offset })
    const chunks: Buffer[] = []
    for await (const chunk of body) chunks.push(chunk)
    return Buffer.concat(chunks)
  }

  test('one program moves files of any size in both directions, each whole', async () => {
    for (const size of [0, 1, 65_536, 3_000_001]) {
      const content = randomBytes(size)
      await put(`file-${size}`, content)
      await put(`file-${size}`, content) // it is there already
      expect((await get(`file-${size}`)).equals(content), String(size)).toBe(true)
      expect((await get(`file-${size}`, Math.floor(size / 2))).equals(content.subarray(Math.floor(size / 2)))).toBe(true)
    }
    expect(opened).toHaveLength(1)
  })

  test('a refusal, a file that is not what it should be and a reader that leaves end their own program only', async () => {
    const content = randomBytes(2_000_000)
    const damaged = Buffer.from(content)
    damaged[5]! ^= 1
    await put('whole', content)
    await expect(get('never')).rejects.toMatchObject({ problem: { code: 'not-found' } })
    await expect(put('other', content, damaged)).rejects.toMatchObject({ problem: { code: 'storage-corrupt' } })
    const leaving = await bulk.receive({ op: 'get', runId, name: 'whole', offset: 0 })
    for await (const _ of leaving.body) break
    leaving.close()
    expect((await get('whole')).equals(content)).toBe(true)
    await put('other', content)
    expect((await get('other')).equals(content)).toBe(true)
  })

  test('a program that ended while it waited is replaced, and one that nobody needs ends by itself', async () => {
    const content = randomBytes(10_000)
    await put('before', content)
    opened.splice(0)
    // Of this host alone, and not the shell that looks for them.
    const ofThisHost = `'^[^ ]+ ${agentPath} [b]ulk$'`
    expect((await connection.run(`pkill -9 -f ${ofThisHost}`)).code).toBe(0)
    await put('after', content)
    expect((await get('after')).equals(content)).toBe(true)
    expect(opened).toHaveLength(1)
    await expect.poll(async () => (await connection.run(`pgrep -f ${ofThisHost}`)).stdout, { timeout: 15_000 }).toBe('')
    expect((await get('before')).equals(content)).toBe(true)
  })
})
