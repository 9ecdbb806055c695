// What must stay secret does not get into a log, by whatever way it comes.
import { expect, test } from 'vitest'
import { openLog } from './log.ts'

function logged(write: (log: ReturnType<typeof openLog>) => void): string {
  let text = ''
  write(openLog('test', 'info', { write: (line) => void (text += line) }))
  return text
}

const secret = 'planted-secret-7432'

test.each([
  ['a property', { password: secret }],
  ['a property of a property', { host: { secretSealed: secret } }],
  ['a property two levels down', { request: { headers: { authorization: secret } } }],
  ['a connection URI', { url: `postgresql://howdah:${secret}@db/howdah` }],
  ['the text of an error', { err: new Error(`cannot reach postgresql://howdah:${secret}@db/howdah`) }],
])('a secret in %s is not written [A7]', (_, fields) => {
  const text = logged((log) => log.info(fields, 'tried'))
  expect(text).toContain('tried')
  expect(text).not.toContain(secret)
})

test('a line says level, time, process and message', () => {
  expect(JSON.parse(logged((log) => log.warn('careful')))).toMatchObject({ level: 'warn', name: 'test', msg: 'careful' })
  expect(logged((log) => log.debug('chatter'))).toBe('')
})
