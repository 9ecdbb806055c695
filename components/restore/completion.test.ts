// Unit tests of how a completion is read from what was typed.
import { describe, expect, test } from 'vitest'
import { choiceOf, noCompletion } from './completion.ts'

describe('how a copy is opened', () => {
  test('elsewhere it needs a port of its own, in place none [K8]', () => {
    expect(choiceOf({ ...noCompletion, port: '5440' })).toEqual({ choice: { inPlace: false, port: 5440, service: null } })
    expect(choiceOf({ ...noCompletion, port: '70000' })).toEqual({ wrong: { port: 'A port is a number from 1 to 65535.' } })
    expect(choiceOf({ ...noCompletion, inPlace: true, port: 'x' })).toEqual({ choice: { inPlace: true, port: null, service: null } })
  })

  test('a unit and commands are read, and what is wrong with them is said at their fields [K8]', () => {
    const inPlace = { ...noCompletion, inPlace: true }
    expect(choiceOf({ ...inPlace, way: 'systemd', unit: ' postgresql-15.service ', sudo: true })).toEqual({ choice: { inPlace: true, port: null, service: { kind: 'systemd', unit: 'postgresql-15.service', sudo: true } } })
    expect(choiceOf({ ...inPlace, way: 'systemd', unit: 'a; b' })).toMatchObject({ wrong: { unit: expect.stringContaining('name of a unit') as string } })
    expect(choiceOf({ ...inPlace, way: 'command', stop: 'a | b', start: '/opt/start' })).toMatchObject({ wrong: { stop: expect.stringContaining('one command') as string } })
    expect(choiceOf({ ...inPlace, way: 'pg_ctl' })).toEqual({ choice: { inPlace: true, port: null, service: { kind: 'pg_ctl' } } })
  })
})
