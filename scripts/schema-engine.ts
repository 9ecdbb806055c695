// Prisma's schema engine as WebAssembly: says in SQL how a database differs from prisma/schema.prisma, with nothing to download.
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum, type SqlDriverAdapter, type SqlMigrationAwareDriverAdapterFactory, type SqlQuery, type SqlResultSet } from '@prisma/driver-adapter-utils'
import * as engineModule from '@prisma/schema-engine-wasm/schema_engine_bg'
import { Pool, type QueryArrayConfig, type QueryArrayResult } from 'pg'

/** Where the engine leaves its last words when it panics; what is thrown then is a bare `unreachable`. */
const lastWords = { set_message: (text: string) => console.error(`Prisma's schema engine gave up: ${text}`) }

let loaded: Promise<typeof engineModule.SchemaEngine> | undefined

/** The package expects a bundler to load its .wasm; this does the same by hand. */
async function load(): Promise<typeof engineModule.SchemaEngine> {
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: lastWords })
  const wasm = join(dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm')), 'schema_engine_bg.wasm')
  const { instance } = await WebAssembly.instantiate(await readFile(wasm), { './schema_engine_bg.js': { ...engineModule } })
  engineModule.__wbg_set_wasm(instance.exports)
  const begin = instance.exports['__wbindgen_start']
  if (typeof begin === 'function') Reflect.apply(begin, undefined, [])
  return engineModule.SchemaEngine
}

const charOid = 18
const bpcharOid = 1042

/**
 * The engine reads columns of the type "char" from the system catalogs, which Prisma's adapter refuses. The pool below shows them to the adapter as
 * character(1), and the answer of the adapter is marked again as what the engine wants: single characters.
 */
function engineAdapter(databaseUrl: string): { factory: SqlMigrationAwareDriverAdapterFactory; end: () => Promise<void> } {
  const pool = new Pool({ connectionString: databaseUrl, max: 2 })
  const plain: (config: QueryArrayConfig) => Promise<QueryArrayResult> = pool.query.bind(pool)
  // Who asks sets this just before; the adapter calls `query` before it first awaits.
  let chars = new Set<number>()
  const query = async (config: QueryArrayConfig): Promise<QueryArrayResult> => {
    const mine = chars
    const result = await plain(config)
    for (const [index, field] of result.fields.entries()) {
      if (field.dataTypeID !== charOid) continue
      field.dataTypeID = bpcharOid
      mine.add(index)
    }
    return result
  }
  const inner = new PrismaPg(Object.assign(pool, { query }))
  const connect = async (): Promise<SqlDriverAdapter> => {
    const adapter = await inner.connect()
    const ask = adapter.queryRaw.bind(adapter)
    const queryRaw = async (asked: SqlQuery): Promise<SqlResultSet> => {
      const mine = (chars = new Set())
      const result = await ask(asked)
      return { ...result, columnTypes: result.columnTypes.map((type, index) => (mine.has(index) ? ColumnTypeEnum.Character : type)) }
    }
    return Object.assign(adapter, { queryRaw })
  }
  return { factory: { provider: inner.provider, adapterName: inner.adapterName, connect, connectToShadowDb: connect }, end: () => pool.end() }
}

/** SQL that turns the database into the schema; empty when they are equal. What Prisma's schema cannot say (checks, partial indexes) is neither seen nor dropped. */
export async function schemaDifference(databaseUrl: string, schemaPath: string): Promise<string> {
  loaded ??= load()
  const SchemaEngine = await loaded
  const schema = { path: schemaPath, content: await readFile(schemaPath, 'utf8') }
  const { factory, end } = engineAdapter(databaseUrl)
  try {
    const engine = await SchemaEngine.new({ datamodels: [[schema.path, schema.content]] }, () => {}, bindMigrationAwareSqlAdapterFactory(factory))
    const from = { tag: 'schemaDatasource' as const, files: [schema], configDir: dirname(schemaPath) }
    const to = { tag: 'schemaDatamodel' as const, files: [schema] }
    const { stdout } = await engine.diff({ from, to, script: true, exitCode: null, filters: { externalTables: [], externalEnums: [] } })
    return stdout?.trim() === '-- This is an empty migration.' ? '' : (stdout ?? '')
  } finally {
    await end()
  }
}
