// A recovery in place of a server that systemd runs and restarts: by root, and by its owner through sudo.
import { existsSync } from 'node:fs'
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { startAgent } from '#e2e/hosts/agent.ts'
import { type Cluster, debianBinaries, startCluster } from '#e2e/hosts/cluster.ts'
import { contentOf } from '#e2e/hosts/history.ts'
import { copyOf, pastIn, placeOf, recoverJob, runJob } from '#e2e/hosts/recovery.ts'
import { hasSystemd, startSystemd, type TestSystemd } from '#e2e/hosts/systemd.ts'
import type { Service } from '#lib/domain/service.ts'
import { RecoverResult } from '#lib/protocol/recovery.ts'

const UNIT = 'postgresql-15.service'
const grant = `/etc/sudoers.d/howdah-test-${process.pid}`
afterAll(() => rm(grant, { force: true }))

/** As the packages of PostgreSQL for most distributions write it, and restarted whenever it ends by itself. The file `broken` makes its next start fail. */
const unitOf = ({ user, dataDirectory, port, socketDirectory, folder }: Cluster): string => `[Unit]
Description=PostgreSQL of a test
DefaultDependencies=no
StartLimitIntervalSec=0
[Service]
Type=notify
User=${user.name}
ExecStartPre=+/bin/sh -c 'if [ -e ${folder}/broken ]; then rm ${folder}/broken; echo the unit is broken >&2; exit 1; fi'
ExecStart=${debianBinaries}/postgres -D ${dataDirectory} -c listen_addresses=127.0.0.1 -c port=${port} -c unix_socket_directories=${socketDirectory} -c fsync=off
KillMode=mixed
KillSignal=SIGINT
Restart=always
RestartSec=300ms
`

async function clusterIn(systemd: TestSystemd): Promise<Cluster> {
  const made = await startCluster({ major: 15 })
  await made.stop()
  const cluster: Cluster = {
    ...made, binaries: debianBinaries,
    async [Symbol.asyncDispose]() {
      await systemd.run('systemctl', 'stop', UNIT)
      // A pid of another namespace is somebody else here.
      await rm(join(made.dataDirectory, 'postmaster.pid'), { force: true })
      await made[Symbol.asyncDispose]()
    },
  }
  await systemd.unit(UNIT, unitOf(cluster))
  await systemd.run('systemctl', 'start', UNIT)
  return cluster
}

describe.skipIf(!hasSystemd)('a server that systemd runs', () => {
  test.each([{ asRoot: false }, ...(process.env['HOWDAH_MATRIX'] === '1' ? [{ asRoot: true }] : [])])('is recovered in place and undone by its unit, whose own restarts never come between (as root $asRoot) [K8]', async ({ asRoot }) => {
    await using systemd = await startSystemd()
    await using cluster = await clusterIn(systemd)
    await using agent = await startAgent({ asRoot: true, node: await systemd.nodeAs(asRoot ? null : cluster.user) })
    const service: Service = { kind: 'systemd', unit: UNIT, sudo: !asRoot }
    const past = await pastIn(agent, cluster)
    const after = await contentOf(cluster)
    const isInUnit = async (): Promise<boolean> => Number(await systemd.run('systemctl', 'show', '-p', 'MainPID', '--value', UNIT)) === Number((await readFile(join(cluster.dataDirectory, 'postmaster.pid'), 'utf8')).split('\n')[0])
    const commandsOf = ({ events }: Awaited<ReturnType<typeof runJob>>): string[] => events.flatMap(({ body }) => (body.kind === 'command' && body.text.includes('systemctl') ? [body.text] : []))
    const words = asRoot ? 'systemctl' : 'sudo -n systemctl'

    const copy = await copyOf(agent, past, past.targets.lsn)
    expect((await runJob(agent, recoverJob(past, copy))).end?.problem).toMatchObject({ code: 'recovery-failed', message: `The server runs in the systemd unit ${UNIT}` })
    if (!asRoot) {
      expect((await runJob(agent, recoverJob(past, copy, { service }))).end?.problem).toMatchObject({ message: 'The agent may not stop and start the service by sudo', hint: expect.stringContaining(`/usr/bin/systemctl stop ${UNIT}`) as string })
      await writeFile(grant, `${cluster.user.name} ALL=(root) NOPASSWD: /usr/bin/systemctl stop ${UNIT}, /usr/bin/systemctl start ${UNIT}\n`, { mode: 0o440 })
    }
    expect(await contentOf(cluster)).toEqual(after)

    const done = await runJob(agent, recoverJob(past, copy, { service }))
    expect(done.end?.problem).toBeUndefined()
    const { wayBack, systemIdentifier } = RecoverResult.parse(done.end?.result)
    expect(commandsOf(done)).toEqual([`${words} stop ${UNIT}`, `${words} start ${UNIT}`])
    expect([await contentOf(cluster), await isInUnit()]).toEqual([past.content, true])

    const undone = await runJob(agent, { kind: 'undo', systemIdentifier, copy, place: placeOf(past, { service }), wayBack })
    expect(undone.end).toMatchObject({ outcome: 'succeeded', result: { isRunning: true } })
    expect([await contentOf(cluster), await isInUnit()]).toEqual([after, true])

    // Its first start fails, and systemd is about to try again by itself while what failed is taken out of its place.
    const second = await copyOf(agent, past, past.targets.time)
    await writeFile(join(cluster.folder, 'broken'), '')
    const failed = await runJob(agent, recoverJob(past, second, { service }))
    expect(failed.end?.problem).toMatchObject({ code: 'recovery-failed', message: expect.stringContaining('The old cluster runs again') as string })
    expect(commandsOf(failed)).toEqual(['stop', 'start', 'stop', 'start'].map((word) => `${words} ${word} ${UNIT}`))
    expect([existsSync(join(cluster.folder, 'broken')), await contentOf(cluster), await isInUnit()]).toEqual([false, after, true])

    // A cluster that does not start is started over and over; it must not be started into the copy.
    await systemd.run('systemctl', 'stop', UNIT)
    await appendFile(join(cluster.dataDirectory, 'postgresql.conf'), 'no_such_setting = on\n')
    await systemd.run('systemctl', 'start', '--no-block', UNIT)
    const third = await copyOf(agent, past, past.targets.name)
    const last = await runJob(agent, recoverJob(past, third, { service }))
    expect(last.end?.problem).toBeUndefined()
    expect([await contentOf(cluster), await isInUnit()]).toEqual([past.content, true])
  }, 300_000)
})
