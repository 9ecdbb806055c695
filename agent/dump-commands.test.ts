import { expect, test } from 'vitest'
import { headFilter, pgDump, psql } from './dump-commands.ts'

const access = { dataDirectory: '/d', archiveDirectory: '/a', connectionHost: '/run/pg', port: 5433, user: 'postgres', database: '', password: 'secret' }

test('names are patterns that mean only themselves, and no password is in an argument [K12] [A7]', () => {
  const item = { database: "Odd 'name\\", schemas: [], tables: [{ schema: 'A"b', name: 'x.y*' }] }
  expect(pgDump({ program: '/bin/pg_dump', access, item, withOwners: false, format: 'plain', clean: true })).toEqual(['/bin/pg_dump', '-h', '/run/pg', '-p', '5433', '-U', 'postgres', '-w', '-d', "dbname='Odd \\'name\\\\'", '--strict-names', '--format=plain', '--no-owner', '--no-privileges', '--clean', '--if-exists', '--table="A""b"."x.y*"', '--no-subscriptions', '--no-publications'])
  expect(pgDump({ program: 'pg_dump', access, item: { database: 'd', schemas: [], tables: [] }, withOwners: true, format: 'plain', clean: false })).toContain('--create')
  expect(psql({ program: 'psql', access, database: 'd' })).toEqual(['psql', '-h', '/run/pg', '-p', '5433', '-U', 'postgres', '-w', '-d', "dbname='d'", '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', '-'])
  expect(pgDump({ program: 'pg_dump', access, item: { database: 'd', schemas: ['A"b'], tables: [] }, withOwners: true, format: 'custom', clean: false })).toContain('--schema="A""b"')
})

test('a setting that an older server does not know is left out of the head, wherever the text is cut, and never out of the data [K12]', () => {
  const line = 'SET transaction_timeout = 0;\n'
  const head = `--\nSET lock_timeout = 0;\n`
  const data = `COPY public.t (a) FROM stdin;\n${line}\\.\n`
  for (let size = 1; size < 40; size += 1) {
    const { push, rest } = headFilter(16)
    const bytes = Buffer.from(head + line + data)
    const out: Buffer[] = []
    for (let at = 0; at < bytes.length; at += size) out.push(push(bytes.subarray(at, at + size)))
    expect(Buffer.concat([...out, rest()]).toString()).toBe(head + data)
  }
  const newer = headFilter(17)
  expect(Buffer.concat([newer.push(Buffer.from(head + line)), newer.rest()]).toString()).toBe(head + line)
  const short = headFilter(12)
  expect(Buffer.concat([short.push(Buffer.from('SELECT 1')), short.rest()]).toString()).toBe('SELECT 1')
})
