// The version table: its facts against names PostgreSQL prints, and the readers of version numbers.
import { expect, test } from 'vitest'
import { factsOf, isMajor, majorOfCatalogVersion, MAJORS, NEWEST_MAJOR, OLDEST_MAJOR, parsePgVersionFile, parseServerVersionNum, tablespaceVersionDirectory, VERSIONS } from './version.ts'

test.each([
  [120022, { major: 12, minor: 22, text: '12.22' }],
  [150000, { major: 15, minor: 0, text: '15.0' }],
  [180004, { major: 18, minor: 4, text: '18.4' }],
  [90624, { major: 9.6, minor: 24, text: '9.6.24' }],
  [80400, { major: 8.4, minor: 0, text: '8.4.0' }],
])('server_version_num %d is read', (num, expected) => {
  expect(parseServerVersionNum(num)).toEqual(expected)
})

test.each([0, 17, 17.1, Number.NaN, -170000, 1_700_100])('%d is no server_version_num', (num) => {
  expect(() => parseServerVersionNum(num)).toThrow(RangeError)
})

test('PG_VERSION files of old and new majors are read', () => {
  expect(parsePgVersionFile('17\n')).toBe(17)
  expect(parsePgVersionFile('9.6\n')).toBe(9.6)
  for (const text of ['', '17beta1', '17.10.1', 'x']) expect(() => parsePgVersionFile(text)).toThrow(RangeError)
})

test('the list of majors is the table, oldest to newest', () => {
  expect(MAJORS.map(String)).toEqual(Object.keys(VERSIONS))
  expect([MAJORS[0], MAJORS.at(-1)]).toEqual([OLDEST_MAJOR, NEWEST_MAJOR])
  expect([11, 12, 18, 19, 12.5].filter(isMajor)).toEqual([12, 18])
})

test('backups use pg_start_backup up to 14 and pg_backup_start from 15, always non-exclusive [M1]', () => {
  for (const major of MAJORS) {
    const { backupStartSql, backupStopSql, backupFunctions } = factsOf(major)
    const [start, stop] = major < 15 ? ['pg_start_backup($1, $2, false)', 'pg_stop_backup(false, false)'] : ['pg_backup_start($1, $2)', 'pg_backup_stop(false)']
    expect(backupStartSql).toContain(start)
    expect(backupStopSql).toContain(stop)
    expect(backupFunctions.every((signature) => /^pg_(start_backup|stop_backup|backup_start|backup_stop)\(/.test(signature))).toBe(true)
  }
})

test('what came with a major is off before it and on from it', () => {
  const since = (fact: (major: (typeof MAJORS)[number]) => boolean) => MAJORS.filter(fact)[0]
  expect(since((major) => VERSIONS[major].hasArchiveLibrary)).toBe(15)
  expect(since((major) => VERSIONS[major].hasWalSummaries)).toBe(17)
  expect(since((major) => VERSIONS[major].manifestVersion === 1)).toBe(13)
  expect(since((major) => VERSIONS[major].manifestVersion === 2)).toBe(17)
  expect(since((major) => VERSIONS[major].hasChecksumsByDefault)).toBe(18)
})

test('a catalog version names its major and its tablespace directory', () => {
  for (const major of MAJORS) expect(majorOfCatalogVersion(VERSIONS[major].catalogVersion)).toBe(major)
  expect(majorOfCatalogVersion(201809051)).toBeNull()
  expect(tablespaceVersionDirectory(16)).toBe('PG_16_202307071')
})
