// The command line against a real console: a token, a backup and a restore, without a browser.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from '@playwright/test'
import * as z from 'zod'
import { startRestored } from './hosts/cluster.ts'
import { stage } from './stage.ts'
import { test } from './story.ts'

const top = join(import.meta.dirname, '..')

interface Said { code: number; out: string; err: string }
const howdah = (args: readonly string[], env: Record<string, string>): Promise<Said> =>
  new Promise((resolve) => {
    execFile(process.execPath, [join(top, 'scripts/howdah.mjs'), ...args], { cwd: top, env: { NODE_ENV: 'production', PATH: process.env['PATH'], ...env }, timeout: 110_000 }, (error, out, err) => resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, err }))
  })

test('a token made on the console’s machine signs the command line in; it backs up, lists and restores, and its exit codes tell [A7] [K1] [K5]', async () => {
  test.setTimeout(300_000)
  const home = await mkdtemp(join(tmpdir(), 'howdah-cli-'))
  try {
    const at = stage()
    const made = await howdah(['token', 'create', '--name', 'script'], { HOME: home, HOWDAH_HOME: at.home })
    expect(made.err).toBe('')
    const token = made.out.trim()
    expect(token).toMatch(/^hwd_/)
    const as = { HOME: home, HOWDAH_URL: at.address, HOWDAH_TOKEN: token }
    const good = async (...args: string[]): Promise<string> => {
      const { code, out, err } = await howdah(args, as)
      expect(code, `${args.join(' ')}: ${err}`).toBe(0)
      return out
    }
    expect(await good('overview')).toContain('1 of 1 sources recoverable')
    expect(await good('hosts', 'list')).toContain('db-01')
    expect(await good('sets', 'show', 'nightly')).toContain('every night at 01:30')
    expect(await good('sources', 'list', '--set', 'nightly')).toContain('nightly/shop-db')
    const before = z.array(z.object({ id: z.string() })).parse(JSON.parse(await good('images', 'list', '--json')))
    expect(await good('run', 'nightly', '--level', 'incremental', '--wait')).toContain('done')
    const after = z.array(z.object({ id: z.string() })).parse(JSON.parse(await good('images', 'list', '--json')))
    expect(after.length).toBe(before.length + 1)
    expect(await good('runs', 'list')).toContain('nightly')

    const destination = `${at.host.home}/by-command`
    await good('restore', 'start', 'nightly/shop-db', '--dest', destination, '--wait')
    expect(existsSync(join(destination, 'archive'))).toBe(true)
    await using _opened = await startRestored({ major: 15, dataDirectory: join(destination, 'data') })

    expect((await howdah(['run', 'no-such-set'], as)).code).toBe(1)
    expect((await howdah(['run', 'nightly', '--level', 'weekly'], as)).code).toBe(2)
    expect((await howdah(['frobnicate'], as)).code).toBe(2)
    expect((await howdah(['overview'], { ...as, HOWDAH_URL: 'http://127.0.0.1:9' })).code).toBe(3)
    const refused = await howdah(['overview'], { ...as, HOWDAH_TOKEN: 'hwd_guessed' })
    expect(refused.code).toBe(1)
    expect(refused.err).not.toContain('at ')
  } finally {
    await rm(home, { recursive: true, force: true })
  }
})
