// postgresql.conf syntax, quoting, and the marked block.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatSettings, lastSettings, parseConf, quoteConfValue, replaceSettingsBlock } from './conf.ts'

test.each([
  ["archive_mode = on", 'archive_mode', 'on'],
  ['archive_mode on', 'archive_mode', 'on'],
  ["archive_command='cp %p /a/%f'# note", 'archive_command', 'cp %p /a/%f'],
  ["archive_command'x'", 'archive_command', 'x'],
  ["  Port=5433   # (change requires restart)", 'port', '5433'],
  ["search_path = '\"$user\", public'", 'search_path', '"$user", public'],
  ["log_line_prefix = '%m [%p] it''s #1 '", 'log_line_prefix', "%m [%p] it's #1 "],
  [String.raw`x.y = 'a\'b\\c\n\t\101\q'`, 'x.y', 'a\'b\\c\n\tAq'],
  ['shared_buffers = 128MB', 'shared_buffers', '128MB'],
  ['random_page_cost = 1.1', 'random_page_cost', '1.1'],
  ['cpu_tuple_cost = .01', 'cpu_tuple_cost', '.01'],
  ['seed = -0.5e-3', 'seed', '-0.5e-3'],
  ['log_file_mode = 0600', 'log_file_mode', '0600'],
  ['data_directory = /srv/pg', null, null],
  ["unix_socket_directories = ''", 'unix_socket_directories', ''],
  ['TimeZone = Europe/Berlin', 'timezone', 'Europe/Berlin'],
])('%s is read as the server reads it', (source, name, value) => {
  const [entry] = parseConf(source)
  expect(entry).toEqual(name === null ? { kind: 'error', text: source, line: 1 } : { kind: 'setting', name, value, line: 1 })
})

test('the last setting wins and includes are reported in their place', () => {
  const entries = parseConf("# top\r\nport = 1\r\n\r\ninclude 'extra.conf'\r\ninclude_dir = conf.d\r\nInclude_If_Exists 'x y'\r\nPORT = 2\r\n")
  expect(entries.map((entry) => [entry.kind, entry.line])).toEqual([['setting', 2], ['include', 4], ['include_dir', 5], ['include_if_exists', 6], ['setting', 7]])
  expect(entries.flatMap((entry) => ('path' in entry ? [entry.path] : []))).toEqual(['extra.conf', 'conf.d', 'x y'])
  expect([...lastSettings(entries)]).toEqual([['port', '2']])
})

test.each(['= on', 'archive_mode =', "a = 'open", "a = 'b' c", 'a = b c', '1a = b', 'a = 1.1.1'])('%s is an error in its line', (source) => {
  expect(parseConf(`\n${source}`)).toEqual([{ kind: 'error', text: source, line: 2 }])
})

test('any value survives quoting', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0')), (value) => {
      const token = quoteConfValue(value)
      expect(token).not.toMatch(/[\n\r]/)
      expect(parseConf(`x = ${token}`)).toEqual([{ kind: 'setting', name: 'x', value, line: 1 }])
    }),
  )
  expect(() => quoteConfValue('\0')).toThrow(RangeError)
  expect(() => formatSettings([{ name: 'a b', value: '' }])).toThrow(RangeError)
})

describe('the block', () => {
  const settings = [{ name: 'archive_mode', value: 'on' }]
  const once = replaceSettingsBlock('port = 1', 'archiving', settings)

  test('stands at the end and wins', () => {
    expect(once.startsWith('port = 1\n# >>> archiving')).toBe(true)
    expect(lastSettings(parseConf(`archive_mode = off\n${once}`)).get('archive_mode')).toBe('on')
  })

  test('is replaced, not repeated, and can be taken out again', () => {
    const other = replaceSettingsBlock(once, 'recovery', [{ name: 'restore_command', value: 'x' }])
    const changed = replaceSettingsBlock(`${other}after = 1\n`, 'archiving', [{ name: 'archive_mode', value: 'always' }])
    expect(parseConf(changed).map((entry) => ('value' in entry ? entry.value : entry.kind))).toEqual(['1', 'x', '1', 'always'])
    expect(replaceSettingsBlock(once, 'archiving', settings)).toBe(once)
    expect(replaceSettingsBlock(replaceSettingsBlock('port = 1\n', 'a', settings), 'a', [])).toBe('port = 1\n')
    expect(replaceSettingsBlock('port = 1\n', 'a', [])).toBe('port = 1\n')
  })

  test('without its end is refused with the line', () => {
    expect(() => replaceSettingsBlock(once.replace('# <<< archiving', ''), 'archiving', [])).toThrow('line 2')
  })
})
