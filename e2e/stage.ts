// What the browser tests act on: a built console of its own, and a PostgreSQL host reached over SSH. Made once, before the first test.
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import { launchConsole } from '#scripts/demo/console.ts'
import { serverFolder, serverUser, startCluster } from './hosts/cluster.ts'
import { freePort } from './hosts/ports.ts'
import { startSshHost } from './hosts/ssh-server.ts'

const Stage = z.object({
  address: z.string(),
  /** HOWDAH_HOME of the console. */
  home: z.string(),
  setupToken: z.string(),
  storage: z.string(),
  host: z.object({ port: z.int(), user: z.string(), privateKey: z.string(), fingerprint: z.string(), home: z.string() }),
  cluster: z.object({ major: z.int(), port: z.int(), dataDirectory: z.string(), archiveDirectory: z.string(), socketDirectory: z.string() }),
})
export type Stage = z.infer<typeof Stage>

const variable = 'HOWDAH_STAGE'

/** The stage that the global setup made. */
export const stage = (): Stage => Stage.parse(JSON.parse(process.env[variable] ?? 'null'))

/** Playwright's global setup; what it returns is the teardown. */
export default async function setUp(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'howdah-stage-'))
  await chmod(folder, 0o755)
  const resources = new AsyncDisposableStack()
  resources.defer(() => rm(folder, { recursive: true, force: true }))
  try {
    const cluster = resources.use(await startCluster({ major: 15, checksums: true }))
    const user = await serverUser()
    const home = await serverFolder('host')
    resources.defer(() => rm(home, { recursive: true, force: true }))
    const ssh = resources.use(await startSshHost({ home, user: user.name, ...(user.uid === undefined || user.gid === undefined ? {} : { uid: user.uid, gid: user.gid }) }))
    const lines: string[] = []
    const console_ = resources.use(await launchConsole(join(import.meta.dirname, '..'), join(folder, 'home'), await freePort(), (line) => void lines.push(line)))
    const made: Stage = {
      address: console_.address,
      home: join(folder, 'home'),
      setupToken: await console_.setupToken(),
      storage: join(folder, 'storage'),
      host: { port: ssh.port, user: ssh.user, privateKey: ssh.privateKey, fingerprint: ssh.fingerprint, home },
      cluster: { major: cluster.major, port: cluster.port, dataDirectory: cluster.dataDirectory, archiveDirectory: cluster.archiveDirectory, socketDirectory: cluster.socketDirectory },
    }
    process.env[variable] = JSON.stringify(made)
    return () => resources.disposeAsync()
  } catch (error) {
    await resources.disposeAsync()
    throw error
  }
}
