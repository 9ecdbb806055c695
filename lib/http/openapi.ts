/** The OpenAPI document of the API, made from the contract. */
import { OpenAPIGenerator } from '@orpc/openapi'
import { ZodToJsonSchemaConverter } from '@orpc/zod/zod4'
import * as z from 'zod'
import { contract } from '#lib/contract/contract.ts'
import { Problem } from '#lib/domain/problem-shape.ts'
import { listOperations } from './router.ts'

const failure = { description: 'What went wrong, why, and how to mend it', content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } } as const

async function generate(version: string) {
  const generator = new OpenAPIGenerator({ schemaConverters: [new ZodToJsonSchemaConverter()] })
  const document = await generator.generate(contract, {
    info: { title: 'Howdah', version, description: 'Backup and recovery of PostgreSQL. Send an API token as `Authorization: Bearer hwd_…`. Every failure is a Problem: code, message, detail, hint, and fields for input.' },
    servers: [{ url: '/api/v1' }],
    security: [{ token: [] }],
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'Made in Admin ▸ API tokens, or with `howdah token create` on the machine of the console' } } },
  })
  const { $schema: _, ...problem } = z.toJSONSchema(Problem)
  document.components = { ...document.components, schemas: { ...document.components?.schemas, Problem: problem as object } }
  for (const { path, method, meta } of listOperations()) {
    const operation = document.paths?.[path]?.[method.toLowerCase() as 'get']
    if (operation === undefined) throw new Error(`${method} ${path} is missing in the OpenAPI document`)
    operation.responses = { ...operation.responses, default: failure }
    if (meta.permission === 'public') operation.security = []
    else operation.description = `Needs the permission ${meta.permission}.`
  }
  return document
}

let made: ReturnType<typeof generate> | undefined

/** Made once. */
export function openApiDocument(version: string): ReturnType<typeof generate> {
  made ??= generate(version)
  return made
}
