// Assembles lib/postgres/pages-wat.ts into lib/postgres/pages-wasm.ts: `node scripts/pages-wasm.ts`. A test compares the two.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import wabt from 'wabt'
import { pagesWat } from '#lib/postgres/pages-wat.ts'

const TARGET = 'lib/postgres/pages-wasm.ts'

/** The module as base64. The same text gives the same bytes. */
export async function assemblePages(): Promise<string> {
  const assembler = await wabt()
  const assembled = assembler.parseWat('pages.wat', pagesWat, { threads: true, simd: true })
  try {
    return Buffer.from(assembled.toBinary({}).buffer).toString('base64')
  } finally {
    assembled.destroy()
  }
}

if (import.meta.main) {
  const text = `// Generated from pages-wat.ts by scripts/pages-wasm.ts; a test compares the two.\nexport const pagesWasm =\n  '${await assemblePages()}'\n`
  await writeFile(join(import.meta.dirname, '..', TARGET), text)
}
