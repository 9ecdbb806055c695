import { expect, test } from 'vitest'
import { toCsv } from './csv.ts'

test('a plain table is lines of cells', () => expect(toCsv(['a', 'b'], [['x', 1], [null, undefined]])).toBe('a,b\r\nx,1\r\n,\r\n'))
test('commas, quotes, line breaks and outer spaces are quoted', () =>
  expect(toCsv(['a'], [['x,y'], ['say "hi"'], ['two\nlines'], [' padded']])).toBe('a\r\n"x,y"\r\n"say ""hi"""\r\n"two\nlines"\r\n" padded"\r\n'))
test('text that a spreadsheet would run is disarmed and numbers are not', () => expect(toCsv(['a'], [['=1+1'], ['@x'], [-5]])).toBe("a\r\n'=1+1\r\n'@x\r\n-5\r\n"))
