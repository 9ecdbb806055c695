// Hosts over a real sshd: keys, sign-in, deploy and removal.
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '#e2e/hosts/ports.ts'
import { startSshd, type Sshd } from '#e2e/hosts/sshd.ts'
import { sha256Of } from '#lib/storage/objects.ts'
import { deploy, undeploy } from './deploy.ts'
import { connect, readHostKey } from './ssh.ts'
import type { SshAccess } from './ssh.ts'

describe.skipIf(process.getuid?.() !== 0)('a host behind a real sshd', () => {
  let sshd: Sshd
  beforeAll(async () => {
    // A host without a Node.js that is new enough, as databases mostly have.
    sshd = await startSshd({ environment: { PATH: '/usr/bin:/bin' } })
  })
  afterAll(() => sshd[Symbol.asyncDispose]())
  const access = (change: Partial<SshAccess> = {}): SshAccess => ({ address: '127.0.0.1', port: sshd.port, user: sshd.user, secret: { privateKey: sshd.privateKey }, hostKey: sshd.hostKey, ...change })

  test('its key is read with the fingerprint that ssh-keygen prints [A2]', async () => {
    expect(await readHostKey(access())).toMatchObject({ key: sshd.hostKey, fingerprint: sshd.fingerprint, type: 'ssh-ed25519' })
  })

  test('an unknown key waits for a person, with its fingerprint [A2]', async () => {
    await expect(connect(access({ hostKey: null }))).rejects.toMatchObject({ problem: { code: 'host-key-unknown', detail: expect.stringContaining(sshd.fingerprint) as string }, offered: { key: sshd.hostKey } })
  })

  test('a changed key stops everything with both fingerprints, also when its type changed [A2]', async () => {
    const before = { key: sshd.hostKey, fingerprint: sshd.fingerprint }
    await sshd.rotateHostKey()
    const mismatch = { code: 'host-key-mismatch', detail: expect.stringMatching(new RegExp(`${before.fingerprint.replaceAll(/[+/]/g, '.')}.*${sshd.fingerprint.replaceAll(/[+/]/g, '.')}`)) as string }
    await expect(connect(access({ hostKey: before.key }))).rejects.toMatchObject({ problem: mismatch })
    const rsa = 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC9xGMn2mXbVcAZBHqXo4sPjVXyN9VdFLx7cW7S2cXcOzO7rGIvJ0YJcG8FKiAnhb6Y+4R2EiZhUkTGBkLQKL1F3vFvtrWbTxKoCkzYpDcnY2+uI4ZkVtZPzDf1H1x7gCTqUWb9OnJ7jgq0M7ueC6vYTWoa2oHo1xE0jbFgYTfQ3w=='
    await expect(connect(access({ hostKey: rsa }))).rejects.toMatchObject({ problem: { code: 'host-key-mismatch' } })
  })

  test('a wrong key or user is a sign-in failure, and nothing prompts [A8]', async () => {
    await expect(connect(access({ secret: { password: 'wrong' } }))).rejects.toMatchObject({ problem: { code: 'host-sign-in-failed' } })
    await expect(connect(access({ user: 'nobody-at-all' }))).rejects.toMatchObject({ problem: { code: 'host-sign-in-failed' } })
    await expect(connect(access({ secret: { privateKey: 'no key' } }))).rejects.toMatchObject({ problem: { code: 'host-sign-in-failed' } })
  })

  test('a closed port and a name that does not exist are host-unreachable [A3]', async () => {
    await expect(connect(access({ port: await freePort() }))).rejects.toMatchObject({ problem: { code: 'host-unreachable' } })
    await expect(connect(access({ address: 'no-such-host.invalid' }))).rejects.toMatchObject({ problem: { code: 'host-unreachable' } })
  })

  test('a port that accepts and says nothing ends at the deadline [A8]', async () => {
    const silent = createServer(() => undefined)
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as { port: number }
    try {
      await expect(connect(access({ port }))).rejects.toMatchObject({ problem: { code: 'host-unreachable' } })
    } finally {
      silent.close()
    }
  }, 40_000)

  test('a command runs with its exit code, its output and its deadline [A8]', async () => {
    const connection = await connect(access())
    try {
      expect(await connection.run('echo out; echo err >&2; exit 3')).toMatchObject({ code: 3, stdout: 'out\n', stderr: 'err\n' })
      for (let time = 0; time < 20; time++) expect(await connection.run('exit 4')).toMatchObject({ code: 4 }) // told in the packet that opens the channel
      await expect(connection.run('sleep 30', { deadlineMs: 300 })).rejects.toMatchObject({ problem: { code: 'timed-out' } })
      await sshd.stop()
      await sshd.start()
      await expect(connection.run('true')).rejects.toMatchObject({ problem: { code: 'host-unreachable' } })
      expect(connection.isOpen).toBe(false)
    } finally {
      connection.close()
    }
  })

  test('deploy copies by content, is a no-op again, lends a runtime where there is no Node, and removal leaves nothing [A1] [A9]', async () => {
    const folder = join(sshd.home, '.howdah-agent')
    const runtimes = await mkdtemp(join(tmpdir(), 'howdah-runtime-'))
    const runtime = { path: join(runtimes, 'node'), version: 'v99.0.0', architecture: process.arch }
    await writeFile(runtime.path, '#!/bin/sh\necho v99.0.0\n', { mode: 0o755 })
    const content = Buffer.from('console.log("agent")\n'.repeat(20_000))
    const agent = { content, sha256: sha256Of(content), version: '0.0.0' }
    const connection = await connect(access())
    const said: string[] = []
    const put = () => deploy(connection, { agent, runtime, runAs: null, signedInAs: sshd.user, say: text => void said.push(text) })
    try {
      const first = await put()
      expect(first).toMatchObject({ wasCopied: true, agentPath: join(folder, `agent-${agent.sha256}.mjs`) })
      expect((await readFile(first.agentPath)).equals(content)).toBe(true)
      expect((await stat(folder)).mode & 0o777).toBe(0o700)
      expect((await put()).wasCopied).toBe(false)
      await writeFile(first.agentPath, 'tampered')
      expect((await put()).wasCopied).toBe(true)
      expect((await readFile(first.agentPath)).equals(content)).toBe(true)
      await undeploy(connection, { runAs: null, signedInAs: sshd.user })
      await expect(readdir(folder)).rejects.toThrow(/ENOENT/)
      await undeploy(connection, { runAs: null, signedInAs: sshd.user })
    } finally {
      connection.close()
      await rm(runtimes, { recursive: true, force: true })
    }
  })

  test('a run-as user that sudo refuses is told with the line that grants it [A8]', async () => {
    const connection = await connect(access())
    try {
      await expect(deploy(connection, { agent: { content: Buffer.from(''), sha256: sha256Of(Buffer.from('')), version: '0' }, runtime: { path: '/bin/true', version: 'v0', architecture: process.arch }, runAs: 'no-such-user', signedInAs: 'root', say: () => undefined })).rejects.toMatchObject({ problem: { code: 'host-sign-in-failed', hint: expect.stringContaining('NOPASSWD') as string } })
    } finally {
      connection.close()
    }
  })
})
