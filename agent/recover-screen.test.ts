// What `recover` says while it restores, on a terminal and in a log, and problems whose hints speak of no console.
import { expect, test } from 'vitest'
import { problemText, teller } from './recover-screen.ts'

const MIB = 1 << 20

test('progress says bytes, share, rate and time left: over again on a terminal, a line now and then without one [K14]', () => {
  const run = (isTerminal: boolean): string[] => {
    const said: string[] = []
    let now = 0
    const tell = teller({ line: (text) => said.push(text), over: isTerminal ? (text) => said.push(`~${text}`) : null }, () => now)
    tell({ kind: 'phase', phase: 'copy' })
    for (let second = 0; second <= 12; second += 1) {
      now = second * 1000
      tell({ kind: 'progress', phase: 'copy', doneBytes: second * 10 * MIB, totalBytes: 200 * MIB })
    }
    tell({ kind: 'log', level: 'warning', text: 'look' })
    return said
  }
  expect(run(true).at(-2)).toBe('~  120 MiB of 200 MiB, 60 %, 10.0 MiB/s, 8 s left')
  expect(run(true)).toHaveLength(15)
  expect(run(false)).toEqual(['Data', '  50.0 MiB of 200 MiB, 25 %, 10.0 MiB/s, 15 s left', '  100 MiB of 200 MiB, 50 %, 10.0 MiB/s, 10 s left', 'WARNING: look'])
})

test('a hint that leads to a page of the console is one for this command instead [K14]', () => {
  expect(problemText({ code: 'key-missing', message: 'closed', hint: 'Import the identity in Admin ▸ Keys.' })).toMatch(/^recover: closed \(key-missing\)\n {2}Name the file with the key by --key FILE/)
  expect(problemText({ code: 'no-space', message: 'full', detail: 'no room', hint: 'Free 3 GiB there.' })).toBe('recover: full (no-space)\n  no room\n  Free 3 GiB there.')
  expect(problemText({ code: 'wal-gap', message: 'gap', hint: 'Open Backup ▸ How.' })).not.toContain('▸')
})
