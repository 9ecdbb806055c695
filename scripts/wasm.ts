// Assembles the WebAssembly texts of lib/postgres into the modules next to them: `node scripts/wasm.ts`. Tests compare the two.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import wabt from 'wabt'
import { crc32cWat } from '#lib/postgres/crc32c-wat.ts'
import { pagesWat } from '#lib/postgres/pages-wat.ts'

const FOLDER = 'lib/postgres'
const texts = { pages: pagesWat, crc32c: crc32cWat }

/** The module as base64. The same text gives the same bytes. */
export async function assemble(name: keyof typeof texts): Promise<string> {
  const assembler = await wabt()
  const assembled = assembler.parseWat(`${name}.wat`, texts[name], { threads: true, simd: true })
  try {
    return Buffer.from(assembled.toBinary({}).buffer).toString('base64')
  } finally {
    assembled.destroy()
  }
}

if (import.meta.main) {
  for (const name of ['pages', 'crc32c'] as const) {
    const text = `// Generated from ${name}-wat.ts by scripts/wasm.ts; a test compares the two.\nexport const ${name}Wasm =\n  '${await assemble(name)}'\n`
    await writeFile(join(import.meta.dirname, '..', FOLDER, `${name}-wasm.ts`), text)
  }
}
