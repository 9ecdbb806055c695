// Where the agent looks for programs: what sshd gives to an account that is not root lacks the folders of administration.
import { afterEach, expect, test, vi } from 'vitest'
import { childEnvironment, searchPath } from './environment.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

test.each([
  ['/home/dba/bin:/usr/bin:/bin', ['/home/dba/bin', '/usr/bin', '/bin', '/usr/local/sbin', '/usr/sbin', '/sbin']],
  ['/usr/sbin:/usr/bin', ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/sbin']],
  // A relative part would name another program in every directory.
  ['.::bin:/usr/bin', ['/usr/bin', '/usr/local/sbin', '/usr/sbin', '/sbin']],
])('with PATH %s programs of administration are found too, after all others [A5]', (path, found) => {
  vi.stubEnv('PATH', path)
  expect(searchPath()).toEqual(found)
  expect(childEnvironment()['PATH']).toBe(found.join(':'))
})
