/** The agent this console deploys, as built into dist/agent.mjs, and the runtime it lends: the Node that runs this process. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AgentFile, Runtime } from '#lib/agents/deploy.ts'
import { problem } from '#lib/domain/problem.ts'
import { sha256Of } from '#lib/storage/objects.ts'

export const agentBundle = join(import.meta.dirname, '../../dist/agent.mjs')

export async function readAgentFile(version: string, path = agentBundle): Promise<AgentFile> {
  try {
    const content = await readFile(path)
    return { content, sha256: sha256Of(content), version }
  } catch (cause) {
    throw problem('internal', 'The agent is not built', { detail: `${path} cannot be read.`, hint: 'Run: node agent/build.ts dist/agent.mjs', cause })
  }
}

export const ownRuntime: Runtime = { path: process.execPath, version: process.version, architecture: process.arch }
