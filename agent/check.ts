// cluster.check: every line that needs the host, each with the exact fix; nothing is changed unless a segment switch was announced.
import type { CheckLine } from '#lib/domain/check.ts'
import { checkLines, settleLines } from '#lib/domain/check.ts'
import { ProblemError, problems } from '#lib/domain/problem.ts'
import type { Params, Result } from '#lib/protocol/methods.ts'
import { checkHost } from './check-host.ts'
import { checkServer } from './check-server.ts'
import { connectionFix } from './connection-fix.ts'
import { withClient } from './sql.ts'

const QUERY_LIMIT_MS = 20_000

const order = Object.keys(checkLines)

export async function checkCluster(params: Params<'cluster.check'>): Promise<Result<'cluster.check'>> {
  const lines: CheckLine[] = [{ id: 'agent', status: 'ok', message: `The agent answers, on Node ${process.versions.node}` }]
  const server = await checkConnection(params, lines)
  const host = await checkHost(params, server?.facts ?? null)
  lines.push(...host.lines)
  return {
    lines: settleLines(lines).toSorted((a, b) => order.indexOf(a.id) - order.indexOf(b.id)),
    ...(server === null ? {} : { systemIdentifier: server.facts.systemIdentifier, major: server.facts.major, serverVersion: server.facts.versionText }),
    ...(host.sizeBytes === null ? {} : { sizeBytes: host.sizeBytes }),
  }
}

/** All lines that need SQL; null after a connection that failed, whose line is then the only one. */
async function checkConnection(params: Params<'cluster.check'>, lines: CheckLine[]): Promise<Awaited<ReturnType<typeof checkServer>> | null> {
  const { cluster } = params
  try {
    return await withClient(cluster, QUERY_LIMIT_MS, async (client) => {
      lines.push({ id: 'connection', status: 'ok', message: `Connected to ${cluster.connectionHost} port ${cluster.port} as ${cluster.user}, database ${client.database ?? ''}` })
      const server = await checkServer(client, params)
      lines.push(...server.lines)
      return server
    })
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error
    const { code, message, detail, hint } = error.problem
    const id = code === 'connection-failed' ? 'connection' : 'server-version'
    const fix = id === 'connection' ? connectionFix(cluster, error) : { kind: 'text' as const, text: hint ?? problems[code].hint }
    lines.push({ id, status: 'error', message: detail === undefined ? message : `${message} (${detail})`, fix })
    return null
  }
}
