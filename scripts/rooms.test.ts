// The rooms gate passes the tree as it is and catches one planted violation of every rule.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { oneFile, rooms, roomTable, topFiles, violations } from './rooms.ts'
import { sourceFiles } from './source-files.ts'

const top = join(import.meta.dirname, '..')

const clean: ReadonlyMap<string, string> = new Map([
  ['lib/postgres/lsn.ts', `import * as z from 'zod'\nexport const said = 'Stop the process. Then setTimeout('`],
  ['lib/domain/run.ts', `import { lsn } from '#lib/postgres/lsn.ts'\nimport type { X } from './problem.ts'`],
  ['lib/domain/problem.ts', `const glob = '**/*.ts'\nimport * as z from 'zod'\nconst other = 'x*/'`],
  ['lib/protocol/methods.ts', `import * as z from 'zod'\nexport * from '#lib/domain/run.ts'`],
  ['lib/contract/runs.ts', `import { oc } from '@orpc/contract'\nimport { run } from '#lib/domain/run.ts'`],
  ['lib/image/writer.ts', `import { createHash } from 'node:crypto'\nconst worker = new URL('./lane.ts', import.meta.url)`],
  ['lib/image/lane.ts', `import { parentPort } from 'node:worker_threads'`],
  ['lib/storage/disk.ts', `import { open } from 'node:fs/promises'`],
  ['lib/services/hosts.ts', `import type { Db } from '#lib/db/client.ts'\nimport { run } from '#lib/domain/run.ts'`],
  ['lib/db/client.ts', `import { PrismaPg } from '@prisma/adapter-pg'\nimport { PrismaClient } from './generated/client.ts'`],
  ['lib/agents/connection.ts', `import { Client } from 'ssh2'`],
  ['lib/queue/queue.ts', `import { PgBoss } from 'pg-boss'`],
  ['lib/secrets/seal.ts', `import { createCipheriv } from 'node:crypto'`],
  ['lib/notify/mail.ts', `import nodemailer from 'nodemailer'`],
  ['lib/platform/env.ts', `export const home = process.env['HOWDAH_HOME']`],
  ['lib/platform/process.mjs', `import { spawn } from 'node:child_process'`],
  ['lib/worker/main.ts', `import { Client } from '#lib/agents/connection.ts'\nimport { hosts } from '#lib/services/hosts.ts'`],
  ['lib/http/api.ts', `import { implement } from '@orpc/server'\nimport { hosts } from '#lib/services/hosts.ts'\nimport { db } from '#lib/db/client.ts'`],
  ['lib/client/query.ts', `import { useQuery } from '@tanstack/react-query'\nimport { runs } from '#lib/contract/runs.ts'`],
  ['components/ui/button.tsx', `import * as React from 'react'`],
  ['components/runs/table.tsx', `import * as React from 'react'\nimport { q } from '#lib/client/query.ts'\nimport { Button } from '#components/ui/button.tsx'\n// import { Client } from 'ssh2'  (a comment, don't count it)`],
  ['app/page.tsx', `import { Table } from '#components/runs/table.tsx'\nimport { api } from '#lib/http/api.ts'`],
  ['agent/main.ts', `import { methods } from '#lib/protocol/methods.ts'\nimport { tmpdir } from 'node:os'`],
  ['agent/process.ts', `import { spawn } from 'node:child_process'`],
  ['scripts/up.ts', `import { home } from '#lib/platform/env.ts'`],
  ['e2e/host.spec.ts', `import { Server } from 'ssh2'\nimport { spawn } from 'node:child_process'\nprocess.env['X'] = '1'`],
  ['lib/domain/run.test.ts', `import fc from 'fast-check'\nimport { test } from 'vitest'`],
  ['next.config.js', `export default { output: process.env.OUT }`],
])

const with_ = (path: string, source: string): string[] => violations(new Map(clean).set(path, source))

test('a clean tree passes', () => {
  expect(violations(clean)).toEqual([])
})

test('this tree passes', async () => {
  const paths = await sourceFiles(top)
  expect(paths.length).toBeGreaterThan(10)
  expect(violations(new Map(await Promise.all(paths.map(async (path) => [path, await readFile(join(top, path), 'utf8')] as const))))).toEqual([])
})

describe('every room', () => {
  const fileOf = (room: string): string => [...clean.keys()].find((path) => path.startsWith(`${room}/`) && !path.startsWith(room === 'components' ? 'components/ui/' : ' ')) ?? `${room}/planted.ts`
  const closed = rooms.filter((room) => !room.may.some((name) => name === '*'))

  test('is closed, but for commands, measurements and end-to-end tests', () => {
    expect(rooms.filter((room) => !closed.includes(room)).map(({ room }) => room)).toEqual(['scripts', 'bench', 'e2e'])
  })

  test.each(closed.map(({ room }) => room))('%s: a package that is not listed is caught', (room) => {
    expect(with_(fileOf(room), `import x from 'left-pad'`)).toContain(`${fileOf(room)} may not import left-pad`)
  })

  test.each(closed.map(({ room, may }) => [room, may] as const))('%s: each room that is not listed is caught', (room, may) => {
    for (const other of rooms.filter((one) => one.room !== room && !may.some((name) => name === one.room)))
      expect(with_(fileOf(room), `import { x } from '#${other.room}/planted.ts'`).join('\n')).toContain(`${fileOf(room)} may not import #${other.room}/planted.ts`)
  })

  test.each(closed.map(({ room, never }) => [room, never] as const))('%s: what it must never reach is found behind another file', (room, never) => {
    for (const name of never) {
      const spec = name === 'node:*' ? 'node:fs' : name.startsWith('#') ? `${name}/planted.ts` : name.replace('*', 'planted')
      const files = new Map(clean).set(fileOf(room), `import { x } from '#${room}/through.ts'`).set(`${room}/through.ts`, `import { y } from '${spec}'`)
      expect(violations(files).join('\n')).toContain(`${fileOf(room)} reaches ${spec}`)
    }
  })
})

test.each([
  ['an import over several lines', `import {\n  a,\n  b,\n} from '#lib/db/client.ts'`, /may not import #lib\/db/],
  ['an import for its side effect', `import 'ssh2'`, /may not import ssh2/],
  ['a dynamic import', `const m = await import('pg')`, /may not import pg/],
  ['a required module', `const m = require('pg')`, /may not import pg/],
  ['a re-export', `export { x } from '#lib/services/hosts.ts'`, /may not import #lib\/services/],
  ['a re-export of everything', `export * from '#lib/services/hosts.ts'`, /may not import #lib\/services/],
  ['an import with two quotes before it', `const a = "it's"; const b = '/*'\nimport 'ssh2'`, /may not import ssh2/],
  ['a built-in module without node:', `import { readFile } from 'fs/promises'`, /may not import node:fs\/promises/],
  ['a computed import', 'const m = await import(`#lib/${name}.ts`)', /computes the name/],
  ['a computed import by a variable', 'const m = await import(name)', /computes the name/],
  ['a relative path into another room', `import { lsn } from '../postgres/lsn.ts'`, /leaves its room by a relative path, write #lib\/postgres\/lsn.ts/],
  ['the clock', 'const now = Date.now()', /is pure but uses Date.now/],
  ['the clock by a constructor', 'const now = new Date()', /is pure but uses new Date\(\)/],
  ['chance', 'const id = Math.random()', /is pure but uses Math.random/],
  ['the environment', `const home = process.env['HOME']`, /is pure but uses process.e/],
  ['the network', `await fetch('http://x')`, /is pure but uses fetch/],
  ['a timer', 'setTimeout(go, 1)', /is pure but uses setTimeout/],
])('a pure room: %s is caught', (_, source, message) => {
  expect(with_('lib/domain/run.ts', source).join('\n')).toMatch(message)
})

test('a worker thread counts as an import', () => {
  expect(violations(new Map(clean).set('lib/image/lane.ts', `import { Client } from 'ssh2'`))).toContain('lib/image/writer.ts reaches ssh2')
})

test('a type-only import is no way to reach a package, and the only way into a room of types', () => {
  expect(with_('lib/client/query.ts', `import type { Run } from '#lib/domain/run.ts'`)).toEqual([])
  expect(with_('lib/services/hosts.ts', `import { db } from '#lib/db/client.ts'`)).toContain('lib/services/hosts.ts may not import #lib/db/client.ts')
  expect(with_('lib/services/hosts.ts', `import { type Db } from '#lib/db/client.ts'`)).toContain('lib/services/hosts.ts may not import #lib/db/client.ts')
})

test('the web cannot reach a host: ssh2 behind a service is found from the page', () => {
  expect(with_('lib/services/hosts.ts', `import { Client } from '#lib/agents/connection.ts'`)).toContain('app/page.tsx reaches ssh2')
})

test('a file outside of every room is caught', () => {
  expect(with_('lib/utils/text.ts', '')).toContain('lib/utils/text.ts lives in no room')
  expect(with_('middleware.ts', '')).toContain('middleware.ts lives in no room')
  expect(topFiles.map((path) => with_(path, '')).flat()).toEqual([])
})

test.each(oneFile.map(({ what, among, find }) => [what, among[0], find] as const))('%s in a second file is caught', (what, room, find) => {
  const source = typeof find === 'string' ? `import { x } from '${find}'` : `const { env } = process`
  const second = violations(new Map(clean).set(`${room}/first.ts`, source).set(`${room}/second.ts`, source))
  expect(second.some((line) => line.startsWith(`${what} belongs in one file but is in`) && line.includes(`${room}/first.ts`) && line.includes(`${room}/second.ts`))).toBe(true)
})

test.each([`process.env.HOME`, `process.env['HOME']`, `process?.env`, `process['env']`, `const { env, argv } = process`, `import { env } from 'node:process'`])('the environment is recognised in %s', (source) => {
  expect(with_('scripts/other.ts', source)).toContain('the environment of the console belongs in one file but is in lib/platform/env.ts, scripts/other.ts')
})

test('the room table of ARCHITECTURE.md is the table of the code', async () => {
  const text = await readFile(join(top, 'ARCHITECTURE.md'), 'utf8')
  expect(text.includes(roomTable()), 'paste the output of `node scripts/rooms.ts --table` into ARCHITECTURE.md').toBe(true)
})
