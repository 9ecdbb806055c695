// The archive and restore lines, run by /bin/sh with real files as the server would run them.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { archiveCommand, expandCommand, quoteShell, restoreCommand } from './archive-command.ts'
import { parseConf, quoteConfValue } from './conf.ts'

const SEGMENT = '000000010000000A000000FE'
const root = mkdtempSync(join(tmpdir(), 'howdah-archive-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** Runs a command as the server does: through postgresql.conf, placeholders, sh -c, from the data directory. */
function run(command: string, data: string, name: string, path = `pg_wal/${name}`, env: Record<string, string> = {}) {
  const [entry] = parseConf(`archive_command = ${quoteConfValue(command)}`)
  const line = expandCommand(entry?.kind === 'setting' ? entry.value : '', { p: path, f: name })
  const { status, stderr } = spawnSync('/bin/sh', ['-c', line], { cwd: data, encoding: 'utf8', env: { ...process.env, ...env } })
  return { status, stderr }
}

function place(archiveName: string) {
  const base = mkdtempSync(join(root, 'case-'))
  const data = join(base, 'data')
  const archive = join(base, archiveName)
  mkdirSync(join(data, 'pg_wal'), { recursive: true })
  mkdirSync(archive)
  writeFileSync(join(data, 'pg_wal', SEGMENT), Buffer.alloc(3_000_001, 'wal'))
  return { data, archive, command: archiveCommand(archive), stored: join(archive, SEGMENT), source: join(data, 'pg_wal', SEGMENT) }
}

describe.each(['archive', 'a disk with spaces', 'Über %f 100% $HOME `x` "q" it\'s\\b', '-rf'])('an archive directory named %s', (name) => {
  test('takes a new segment whole and leaves nothing else', () => {
    const { data, archive, command, stored, source } = place(name)
    expect(run(command, data, SEGMENT)).toEqual({ status: 0, stderr: '' })
    expect(readFileSync(stored).equals(readFileSync(source))).toBe(true)
    expect(readdirSync(archive)).toEqual([SEGMENT])
  })

  test('accepts the same segment again', () => {
    const { data, archive, command } = place(name)
    run(command, data, SEGMENT)
    expect(run(command, data, SEGMENT)).toEqual({ status: 0, stderr: '' })
    expect(readdirSync(archive)).toEqual([SEGMENT])
  })

  test('refuses a different file of the same name and keeps the stored one (peer bug 16) [F7]', () => {
    const { data, archive, command, stored, source } = place(name)
    run(command, data, SEGMENT)
    writeFileSync(source, 'other')
    const { status, stderr } = run(command, data, SEGMENT)
    expect(status).toBe(1)
    expect(stderr).toContain(`archive already holds a different ${SEGMENT}`)
    expect(readFileSync(stored).length).toBe(3_000_001)
    expect(readdirSync(archive)).toEqual([SEGMENT])
  })

  test('gives a segment back, and exits 1 for one it does not hold [K5]', () => {
    const { data, archive, command, source } = place(name)
    run(command, data, SEGMENT)
    expect(run(restoreCommand(archive), data, SEGMENT, 'pg_wal/RECOVERYXLOG')).toEqual({ status: 0, stderr: '' })
    expect(readFileSync(join(data, 'pg_wal/RECOVERYXLOG')).equals(readFileSync(source))).toBe(true)
    expect(run(restoreCommand(archive), data, '00000002.history', 'pg_wal/RECOVERYHISTORY').status).toBe(1)
  })
})

test('a missing archive directory is a counted failure with a message', () => {
  const { data, archive, command } = place('archive')
  rmSync(archive, { recursive: true })
  const { status, stderr } = run(command, data, SEGMENT)
  expect(status).toBe(1)
  expect(stderr).toContain(`cannot store ${SEGMENT} in ${archive}: dd: `)
  expect(stderr).toContain('No such file or directory')
  expect(existsSync(archive)).toBe(false)
})

test('a segment that cannot be read is a counted failure', () => {
  const { data, archive, command } = place('archive')
  expect(run(command, data, '000000010000000A000000FF').status).toBe(1)
  expect(readdirSync(archive)).toEqual([])
})

test('a missing program is a counted failure, not exit 127, and leaves no temporary file', () => {
  const { data, archive, command } = place('archive')
  const tools = mkdtempSync(join(root, 'bin-'))
  for (const tool of ['test', 'rm', 'dd', 'cmp', 'sync']) execFileSync('ln', ['-s', execFileSync('/bin/sh', ['-c', `command -v ${tool === 'test' ? 'env' : tool}`], { encoding: 'utf8' }).trim(), join(tools, tool)])
  const { status } = run(command, data, SEGMENT, `pg_wal/${SEGMENT}`, { PATH: tools })
  expect(status).toBe(1)
  expect(readdirSync(archive)).toEqual([])
})

test('a disk that fills up in the middle leaves neither a segment nor a temporary file', () => {
  const { data, archive, command } = place('archive')
  const limited = `ulimit -f 2000; ${command}`
  const { status } = run(limited, data, SEGMENT)
  expect(status === 1 || status === null, `status ${status}`).toBe(true)
  expect(readdirSync(archive)).toEqual([])
})

test('where sync takes no file names everything is synced instead', () => {
  const { data, archive, command } = place('archive')
  const tools = mkdtempSync(join(root, 'bin-'))
  writeFileSync(join(tools, 'sync'), `#!/bin/sh\ntest $# -eq 0 && touch ${quoteShell(join(tools, 'synced'))}\n`)
  chmodSync(join(tools, 'sync'), 0o755)
  expect(run(command, data, SEGMENT, `pg_wal/${SEGMENT}`, { PATH: `${tools}:${process.env['PATH'] ?? ''}` }).status).toBe(0)
  expect(existsSync(join(tools, 'synced'))).toBe(true)
  expect(readdirSync(archive)).toEqual([SEGMENT])
})

test('placeholders are replaced as the server does', () => {
  expect(expandCommand('%p %f %% %r %x %%p', { p: 'P', f: 'F', r: 'R' })).toBe('P F % R %x %p')
  expect(expandCommand('%r', { p: 'P', f: 'F' })).toBe('%r')
})

test('a directory that no command can name safely is refused', () => {
  for (const directory of ['archive', '', '/a\nb', '/a\0b']) {
    expect(() => archiveCommand(directory)).toThrow(RangeError)
    expect(() => restoreCommand(directory)).toThrow(RangeError)
  }
  expect(restoreCommand('/srv/wal/')).toBe(`cp '/srv/wal'/%f "%p"`)
})
