// The configuration of a copy against the host it opens on, as the server itself reads it.
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, serverFolder, startCluster } from '#e2e/hosts/cluster.ts'
import { localSettings } from './local-settings.ts'

describe('a copy that opens on another host', () => {
  let cluster: Cluster, copy: string, conf: string, good: string
  beforeAll(async () => {
    cluster = await startCluster({ major: 15 })
    await cluster.stop('immediate')
    copy = await serverFolder('copy, "new"')
    conf = join(cluster.dataDirectory, 'postgresql.conf')
    good = await readFile(conf, 'utf8')
  })
  afterAll(async () => {
    await rm(copy, { recursive: true })
    await cluster[Symbol.asyncDispose]()
  })
  const quoted = (): string => `"${copy.replaceAll('"', '""')}"`

  test.each([
    ['what it can have stays', { listen_addresses: '*', unix_socket_directories: '/tmp' }, {}],
    ['no socket and no address are no lack', { listen_addresses: '', unix_socket_directories: '' }, {}],
    ['one address of several is enough', { listen_addresses: '192.0.2.7, 127.0.0.1', unix_socket_directories: '/tmp' }, {}],
    ['its own name is an address', { listen_addresses: hostname(), unix_socket_directories: '/tmp' }, {}],
    ['addresses of the other host give way', { listen_addresses: '192.0.2.7, no-such-host.invalid', unix_socket_directories: '/tmp' }, { listen_addresses: 'localhost' }],
    ['of several directories those stay that are here', { listen_addresses: '*', unix_socket_directories: '/no/such/place, /tmp' }, { unix_socket_directories: '/tmp' }],
    ['else its socket lies in the folder of the copy', { listen_addresses: '*', unix_socket_directories: '/no/such/place' }, { unix_socket_directories: 'copy' }],
  ])('%s [K8]', async (_, configured, wanted: Record<string, string>) => {
    await writeFile(conf, good)
    await appendFile(conf, Object.entries(configured).map(([name, value]) => `${name} = '${value}'\n`).join(''))
    const found = await localSettings({ binaries: cluster.binaries, dataDirectory: cluster.dataDirectory, copy })
    expect(Object.fromEntries(found.map(({ name, value }) => [name, value.replace(quoted(), 'copy')]))).toEqual(wanted)
    for (const { reason } of found) expect(reason).toMatch(/this host/)
  })

  test('where that is not to be had either, it is the one that every account may write into [K8]', async () => {
    await writeFile(conf, `${good}\nlisten_addresses = ''\nunix_socket_directories = '/no/such/place'\n`)
    for (const other of ['/no/such/copy', `/tmp/${'long'.repeat(30)}`]) expect(await localSettings({ binaries: cluster.binaries, dataDirectory: cluster.dataDirectory, copy: other })).toMatchObject([{ name: 'unix_socket_directories', value: '/tmp' }])
  })
})
