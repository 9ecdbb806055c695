// The environment is read once and says what is wrong with it.
import { expect, test } from 'vitest'
import { childEnvironment, parseEnvironment } from './env.ts'

const user = { isRoot: false, homeDirectory: '/home/ada' }
const root = { isRoot: true, homeDirectory: '/root' }

test('an empty environment has working defaults', () => {
  expect(parseEnvironment({}, user)).toMatchObject({ home: '/home/ada/.local/share/howdah', port: 7432, bind: '127.0.0.1', url: 'http://127.0.0.1:7432', databaseUrl: undefined })
  expect(parseEnvironment({}, root).home).toBe('/var/lib/howdah')
})

test('XDG_DATA_HOME moves the home folder, unless it is relative or the user is root', () => {
  expect(parseEnvironment({ XDG_DATA_HOME: '/data' }, user).home).toBe('/data/howdah')
  expect(parseEnvironment({ XDG_DATA_HOME: 'data' }, user).home).toBe('/home/ada/.local/share/howdah')
  expect(parseEnvironment({ XDG_DATA_HOME: '/data' }, root).home).toBe('/var/lib/howdah')
})

test('the address follows the port and loses its trailing slash', () => {
  expect(parseEnvironment({ PORT: '8080' }, user).url).toBe('http://127.0.0.1:8080')
  expect(parseEnvironment({ HOWDAH_URL: 'https://howdah.example.com/' }, user).url).toBe('https://howdah.example.com')
})

test('an empty variable is the same as none', () => {
  expect(parseEnvironment({ PORT: '', DATABASE_URL: '' }, user)).toMatchObject({ port: 7432, databaseUrl: undefined })
})

test.each([
  ['PORT', 'eighty', /PORT must be a port number/],
  ['PORT', '70000', /PORT/],
  ['HOWDAH_HOME', 'data', /HOWDAH_HOME must be an absolute path/],
  ['HOWDAH_URL', 'ftp://x', /HOWDAH_URL must be an address/],
  ['DATABASE_URL', 'mysql://x', /DATABASE_URL must begin with postgresql/],
  ['HOWDAH_LOG_LEVEL', 'loud', /HOWDAH_LOG_LEVEL/],
])('a wrong %s=%s is named with what is right', (name, value, message) => {
  expect(() => parseEnvironment({ [name]: value }, user)).toThrow(message)
})

test('a child gets what it is given and no secret of its parent', () => {
  const before = process.env['PGPASSWORD']
  process.env['PGPASSWORD'] = 'planted-secret'
  try {
    const child = childEnvironment({ PORT: '1', DATABASE_URL: undefined })
    expect(child).toMatchObject({ PORT: '1', PATH: process.env['PATH'] })
    expect(child).not.toHaveProperty('PGPASSWORD')
    expect(child).not.toHaveProperty('DATABASE_URL')
  } finally {
    if (before === undefined) delete process.env['PGPASSWORD']
    else process.env['PGPASSWORD'] = before
  }
})
