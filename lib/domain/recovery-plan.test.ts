// Unit tests of what completing a recovery does on its host, as it is shown and run.
import { describe, expect, test } from 'vitest'
import type { FoundCluster } from './found.ts'
import { placeOf, type RecoveryFacts, shownRecovery } from './recovery-plan.ts'

const debian: FoundCluster = { dataDirectory: '/var/lib/postgresql/15/main', major: 15, isRunning: true, owner: 'postgres', port: 5432, configFile: '/etc/postgresql/15/main/postgresql.conf', service: 'postgresql@15-main.service', binaries: '/usr/lib/postgresql/15/bin' }
const facts = (change: { cluster?: Partial<FoundCluster>; source?: Partial<RecoveryFacts['source']>; agentUser?: string; hostId?: string; major?: number } = {}): RecoveryFacts => ({
  source: { name: 'shop-db', hostId: 'h1', dataDirectory: debian.dataDirectory, archiveDirectory: '/archive', port: 5499, user: 'backup', binaries: null, systemIdentifier: '71', major: 15, ...change.source },
  host: { id: change.hostId ?? 'h1', name: 'db-01', clusters: [{ ...debian, ...change.cluster }], agentUser: change.agentUser ?? 'postgres' },
  copy: '/restore/shop', major: change.major ?? 15,
})
const inPlace = { inPlace: true, port: null, service: null }

describe('completing a recovery', () => {
  test('in place it is the source’s own directory, port, configuration and service, as the host told them [K8]', () => {
    expect(placeOf(inPlace, facts())).toEqual({ dataDirectory: debian.dataDirectory, inPlace: true, systemIdentifier: '71', service: { kind: 'pg_ctlcluster', version: '15', cluster: 'main' }, port: 5432, configFile: debian.configFile, archiveDirectory: '/archive', binaries: debian.binaries, user: 'backup' })
    const within = placeOf(inPlace, facts({ cluster: { configFile: `${debian.dataDirectory}/postgresql.conf`, service: 'postgresql-15.service' }, agentUser: 'root' }))
    expect(within).toMatchObject({ configFile: null, service: { kind: 'systemd', unit: 'postgresql-15.service', sudo: false } })
    // Programs of another major never start the copy.
    expect(placeOf(inPlace, facts({ major: 14 })).binaries).toBeNull()
  })

  test('elsewhere it opens where it was restored, on a port of its own, and nothing is expected there [K8] [K13]', () => {
    expect(placeOf({ inPlace: false, port: 5440, service: null }, facts())).toMatchObject({ dataDirectory: '/restore/shop/data', port: 5440, systemIdentifier: null, archiveDirectory: null, service: { kind: 'pg_ctl' }, configFile: null })
  })

  test('elsewhere it is started by the programs of its own cluster, whatever other servers of the major were found; on another host by theirs, else by those the source names [K8]', () => {
    const other: FoundCluster = { ...debian, dataDirectory: '/srv/other', binaries: '/srv/postgresql-15/bin' }
    for (const [hostId, binaries] of [['h1', debian.binaries], ['h2', other.binaries]] as const) {
      const known = facts({ hostId })
      expect(placeOf({ ...inPlace, inPlace: false }, { ...known, host: { ...known.host, clusters: [other, ...known.host.clusters] } }).binaries).toBe(binaries)
    }
    const named = facts({ hostId: 'h2', source: { binaries: '/opt/postgresql/15/bin' } })
    expect(placeOf({ ...inPlace, inPlace: false }, { ...named, host: { ...named.host, clusters: [] } }).binaries).toBe('/opt/postgresql/15/bin')
  })

  test.each([
    [inPlace, { hostId: 'h2' }, 'hostId'],
    [inPlace, { source: { systemIdentifier: null } }, 'recovery.inPlace'],
    [{ ...inPlace, port: 5440 }, {}, 'recovery.port'],
    [{ inPlace: false, port: 5440, service: { kind: 'pg_ctlcluster' as const, version: '15', cluster: 'main' } }, {}, 'recovery.service'],
  ])('what cannot be is refused at its field: %o %o [K8]', (request, change, path) => {
    expect(() => placeOf(request, facts(change))).toThrow(expect.objectContaining({ problem: expect.objectContaining({ code: 'invalid-input', fields: [expect.objectContaining({ path })] }) as object }) as Error)
  })

  test('what is shown names the commands, the name the old cluster is kept under, and the name to type [K8]', () => {
    const known = facts()
    expect(shownRecovery(placeOf(inPlace, known), known)).toMatchObject({ setAside: `${debian.dataDirectory}.before-<run>`, stopCommand: 'pg_ctlcluster 15 main stop -m fast', startCommand: 'pg_ctlcluster 15 main start', confirmName: 'shop-db', port: 5432 })
    const elsewhere = placeOf({ inPlace: false, port: 5440, service: null }, known)
    const shown = shownRecovery(elsewhere, known)
    expect(shown).toMatchObject({ setAside: null, stopCommand: null, confirmName: null })
    expect(shown.startCommand).toContain('pg_ctl start -D /restore/shop/data')
    // Started by root it runs as the owner of the files.
    const root = facts({ agentUser: 'root' })
    expect(shownRecovery(placeOf({ ...inPlace, service: { kind: 'pg_ctl' } }, root), root).stopCommand).toMatch(/^runuser -u postgres -- /)
  })
})
