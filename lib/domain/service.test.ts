// Unit tests of services: what stops and starts them, and how a given command is read.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { shownCommand } from '#lib/postgres/server-commands.ts'
import { Service, serviceCommands, serviceOf, wordsOf } from './service.ts'

const place = { binaries: '/usr/lib/postgresql/15/bin', dataDirectory: '/var/lib/my data', logFile: '/var/log/pg.log', serverArguments: ['-c', 'port=5433'], user: 'postgres' }

describe('services', () => {
  test.each([
    [{ kind: 'systemd', unit: 'postgresql-15.service', sudo: false }, 'systemctl stop postgresql-15.service', 'systemctl start postgresql-15.service'],
    [{ kind: 'systemd', unit: 'postgresql-15.service', sudo: true }, 'sudo -n systemctl stop postgresql-15.service', 'sudo -n systemctl start postgresql-15.service'],
    [{ kind: 'pg_ctlcluster', version: '15', cluster: 'main' }, 'pg_ctlcluster 15 main stop -m fast', 'pg_ctlcluster 15 main start'],
    [{ kind: 'pg_ctl' }, "runuser -u postgres -- /usr/lib/postgresql/15/bin/pg_ctl stop -D '/var/lib/my data' -m fast -w -t 600 -s", `runuser -u postgres -- /usr/lib/postgresql/15/bin/pg_ctl start -D '/var/lib/my data' -l /var/log/pg.log -w -t 600 -s -o ${String.raw`''\''-c'\'' '\''port=5433'\'''`}`],
    [{ kind: 'command', stop: '/opt/pg/stop --now', start: '"/opt/my pg/start"' }, '/opt/pg/stop --now', "'/opt/my pg/start'"],
  ] as const)('%o is stopped and started by commands that can be shown [K8]', (service, stop, start) => {
    const commands = serviceCommands(Service.parse(service), place)
    expect(shownCommand(commands.stop)).toBe(stop)
    expect(shownCommand(commands.start)).toBe(start)
  })

  test('the service follows from what the host tells [K8]', () => {
    expect(serviceOf({ configFile: '/etc/postgresql/15/main/postgresql.conf', service: 'postgresql@15-main.service' }, 'postgres')).toEqual({ kind: 'pg_ctlcluster', version: '15', cluster: 'main' })
    expect(serviceOf({ configFile: '/var/lib/pgsql/15/data/postgresql.conf', service: 'postgresql-15.service' }, 'postgres')).toEqual({ kind: 'systemd', unit: 'postgresql-15.service', sudo: true })
    expect(serviceOf({ service: 'postgresql-15.service' }, 'root')).toEqual({ kind: 'systemd', unit: 'postgresql-15.service', sudo: false })
    expect(serviceOf(null, 'postgres')).toEqual({ kind: 'pg_ctl' })
  })

  test('a given command is split into words, and refused when it needs a shell [K8] [L7]', () => {
    expect(wordsOf(`docker stop 'my db' -t "60"`)).toEqual(['docker', 'stop', 'my db', '-t', '60'])
    for (const bad of ['a; b', 'a | b', 'a && b', 'a > b', 'a $HOME', 'a `b`', 'a $(b)', "a 'b", 'a "b', 'a "$b"', '', '  ']) expect(wordsOf(bad), bad).toBeNull()
  })

  test('any words come back from the command that shows them [L7]', () => {
    fc.assert(fc.property(fc.array(fc.string({ unit: 'grapheme', minLength: 1 }).filter((word) => !/[\0\r\n]/.test(word)), { minLength: 1 }), (words) => {
      const [first = 'x', ...rest] = words
      expect(wordsOf(shownCommand([first, ...rest]))).toEqual(words)
    }))
  })
})
