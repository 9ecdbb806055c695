// The protocol as JSON Schema, to be compared with its golden copy: what an agent of one version and a console of another say to each other never changes by accident.
import * as z from 'zod'
import { RunEvent } from '#lib/domain/event.ts'
import { BackupResult, Job, RestoreResult } from './cluster.ts'
import { BulkHeader, BulkRequest, StoreEnd } from './bulk.ts'
import { methods, Request, Response, VERSION } from './methods.ts'

const schemaOf = (schema: z.ZodType): unknown => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })

/** Text of schema.json. */
export function protocolSchema(): string {
  const parts = {
    version: VERSION,
    methods: Object.fromEntries(Object.entries(methods).map(([name, { params, result }]) => [name, { params: schemaOf(params), result: schemaOf(result) }])),
    ...Object.fromEntries(Object.entries({ Request, Response, BulkRequest, BulkHeader, StoreEnd, RunEvent, Job, BackupResult, RestoreResult }).map(([name, schema]) => [name, schemaOf(schema)])),
  }
  return `${JSON.stringify(parts, null, 1)}\n`
}
