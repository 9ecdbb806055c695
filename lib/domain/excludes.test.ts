import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { isNeeded } from '#lib/postgres/paths.ts'
import { excludeFault, excludePatterns, excluder } from './excludes.ts'

describe('excludes [B9]', () => {
  test.each(['log/*', 'log', '*.bak', 'core.*', 'pg_log/**', 'base/5/core.*', 'dump/**/*.sql', 'postgresql.conf.old', '.snapshot'])('%s is taken', (pattern) => {
    expect(excludeFault(pattern)).toBeNull()
  })

  test.each([
    ['*', 'PG_VERSION'], ['**', 'PG_VERSION'], ['base/**', 'base'], ['base/*/*', 'base/1/PG_VERSION'], ['pg_xact', 'pg_xact'], ['*.conf', 'postgresql.conf'], ['16385*', 'base/16384/16385'], ['*_vm', 'base/16384/16385_vm'],
    ['global/pg_control', 'global/pg_control'], ['pg_tblspc/**/5', 'pg_tblspc/16400/PG_17_202406281/5'], ['pg_*', 'pg_hba.conf'], ['[0-9]*', 'global/1262'], ['base/5/1249', 'base/5/1249'],
  ])('%s is refused, for it hits %s', (pattern, hit) => {
    expect(excludeFault(pattern)).toContain(hit)
    expect(excludeFault(pattern)).toContain('which PostgreSQL needs')
  })

  test.each(['/var/log/*', '../other', './log', 'a/../base'])('%s is refused, for it is not relative', (pattern) => {
    expect(excludeFault(pattern)).toContain('relative to the data directory')
  })

  test('a pattern without a slash means a name at any depth, one with a slash a path; hidden names count', () => {
    const left = excluder(excludePatterns('*.bak\n\n  log/*.csv \n'))
    expect(['a.bak', 'base/5/.x.bak', 'log/a.csv'].map(left)).toEqual([true, true, true])
    expect(['a.bak.txt', 'log/deep/a.csv', 'other/log/a.csv'].map(left)).toEqual([false, false, false])
    expect(excluder([])('a')).toBe(false)
  })

  test('every file of a relation is needed, wherever it lies', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 32 - 1 }), fc.integer({ min: 1, max: 2 ** 32 - 1 }), fc.constantFrom('', '_fsm', '_vm', '_init', '.1', '_fsm.2'), (database, relation, rest) => {
      expect([`base/${database}/${relation}${rest}`, `global/${relation}${rest}`, `pg_tblspc/${database}/PG_15_202209061/${database}/${relation}${rest}`].every(isNeeded)).toBe(true)
    }))
  })

  test('what is not the server’s own is not needed', () => {
    expect(['log', 'log/postgresql.log', 'base/5/core.12', 'base/notes.txt', 'server.key.old', 'global/x', 'pg_tblspc/16400/readme', 'postgresql.conf.old', 'conf.d.bak/x'].filter(isNeeded)).toEqual([])
  })
})
