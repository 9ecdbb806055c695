// Secrets: sealed and opened, found or made once, never printed.
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { loadMasterKey, masterKeyFile } from './master-key.ts'
import { createSealer } from './seal.ts'
import { Secret } from './secret.ts'

const inHome = async (work: (home: string) => Promise<void>): Promise<void> => {
  const home = await mkdtemp(join(tmpdir(), 'howdah-secrets-'))
  try {
    await work(home)
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

test('a secret never prints itself [A7]', () => {
  const secret = new Secret('hunter2')
  const printed = [String(secret), `${secret.toString()}`, JSON.stringify({ secret }), inspect(secret), inspect({ deep: { secret } }, { depth: 9, showHidden: true }), Object.values(secret).join()]
  for (const text of printed) expect(text).not.toContain('hunter2')
  expect(secret.reveal()).toBe('hunter2')
})

test('what is sealed opens again, differs each time and holds nothing in clear [A7]', () => {
  const sealer = createSealer(randomBytes(32))
  const sealed = sealer.seal('påssword')
  expect(sealer.seal('påssword')).not.toBe(sealed)
  expect(Buffer.from(sealed.slice(3), 'base64').toString('utf8')).not.toContain('ssword')
  expect(sealer.open(sealed).reveal()).toBe('påssword')
})

test.each([['a flipped bit', (sealed: string) => `${sealed.slice(0, -6)}${sealed.at(-6) === 'A' ? 'B' : 'A'}${sealed.slice(-5)}`], ['nothing', () => ''], ['clear text', () => 'password'], ['another form', (sealed: string) => `v2${sealed.slice(2)}`]])('%s is refused', (_name, change) => {
  const sealer = createSealer(randomBytes(32))
  expect(() => sealer.open(change(sealer.seal('a secret of some length')))).toThrow(/cannot be opened/)
})

test('another master key cannot open it', () => {
  const sealed = createSealer(randomBytes(32)).seal('x')
  expect(() => createSealer(randomBytes(32)).open(sealed)).toThrow(/cannot be opened/)
})

test('the key file is made once with mode 0600, also by several processes at once', () =>
  inHome(async home => {
    const keys = await Promise.all([1, 2, 3].map(() => loadMasterKey({ home })))
    expect(new Set(keys.map(key => key.toString('hex'))).size).toBe(1)
    expect((await stat(masterKeyFile(home))).mode & 0o777).toBe(0o600)
    expect((await loadMasterKey({ home })).equals(keys[0]!)).toBe(true)
  }))

test('a key file that others may read is refused with the fix', () =>
  inHome(async home => {
    await loadMasterKey({ home })
    await chmod(masterKeyFile(home), 0o644)
    await expect(loadMasterKey({ home })).rejects.toMatchObject({ problem: { hint: `chmod 600 ${masterKeyFile(home)}` } })
  }))

test('the environment wins over the file, and a short key is refused', () =>
  inHome(async home => {
    const key = randomBytes(32)
    expect((await loadMasterKey({ home, given: key.toString('base64') })).equals(key)).toBe(true)
    await expect(readFile(masterKeyFile(home))).rejects.toThrow(/ENOENT/)
    await expect(loadMasterKey({ home, given: 'c2hvcnQ=' })).rejects.toThrow(/32 bytes/)
  }))
