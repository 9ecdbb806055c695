// Unit tests of the command lines of servers.
import { describe, expect, test } from 'vitest'
import { asOwner, asUser, parsePostmasterOpts, pgCtlStart, pgCtlStop, settingArguments, shownCommand } from './server-commands.ts'

describe('command lines of a server', () => {
  test('a setting with spaces and quotes survives the shell that pg_ctl hands it to [K8]', () => {
    const argv = pgCtlStart({ binaries: '/usr/lib/postgresql/15/bin', dataDirectory: "/d/o'b", logFile: '/l', serverArguments: settingArguments({ log_line_prefix: '%m [%p] ', archive_command: "echo 'x'" }), waitSeconds: 60 })
    expect(argv.at(-1)).toBe(String.raw`'-c' 'log_line_prefix=%m [%p] ' '-c' 'archive_command=echo '\''x'\'''`)
    expect(argv.slice(0, 4)).toEqual(['/usr/lib/postgresql/15/bin/pg_ctl', 'start', '-D', "/d/o'b"])
  })

  test('root stops a server as the owner of its files [K8]', () => {
    expect(shownCommand(asUser(pgCtlStop({ binaries: '/b', dataDirectory: '/my data', mode: 'fast', waitSeconds: 30 }), 'postgres'))).toBe("runuser -u postgres -- /b/pg_ctl stop -D '/my data' -m fast -w -t 30 -s")
  })

  test('root becomes the owner of the files with its groups, and one without a name has none [K8]', () => {
    expect(asOwner(['/b/postgres', '-D', '/d'], { uid: 26, gid: 27, name: 'postgres' })).toEqual(['setpriv', '--reuid', '26', '--regid', '27', '--init-groups', '--', '/b/postgres', '-D', '/d'])
    expect(asOwner(['/b/postgres'], { uid: 26, gid: 27, name: null })).toContain('--clear-groups')
    expect(asOwner(['/b/postgres'], null)).toEqual(['/b/postgres'])
  })

  test('the arguments of the last start come back without the data directory [K8]', () => {
    expect(parsePostmasterOpts('/usr/lib/postgresql/15/bin/postgres "-D" "/var/lib/data" "-c" "port=5433" "-c" "unix_socket_directories=/my run"\n')).toEqual(['-c', 'port=5433', '-c', 'unix_socket_directories=/my run'])
    expect(parsePostmasterOpts('/bin/postgres "-D/x" "--data-directory=/y" "-p" "5"')).toEqual(['-p', '5'])
    expect(parsePostmasterOpts('/bin/postgres\n')).toEqual([])
  })
})
