// Bundles the agent into one file without any path or date of this machine in it: `node agent/build.ts <out>`.
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { build, type Plugin } from 'esbuild'

export interface BuiltAgent {
  content: Buffer
  sha256: string
}

/** Modules of Node are loaded by the part that uses them: imported at the top of the one file, every process and every thread would load http, net and all others, which takes longer than many a run. */
const lazyNode: Plugin = {
  name: 'lazy-node',
  setup(bundle) {
    bundle.onResolve({ filter: /^node:/ }, ({ path, kind }) => (kind === 'import-statement' ? { path, namespace: 'node' } : { path, external: true }))
    bundle.onLoad({ filter: /.*/, namespace: 'node' }, ({ path }) => ({ contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})` }))
  },
}

/** The same sources give the same bytes. */
export async function buildAgent(): Promise<BuiltAgent> {
  const { outputFiles } = await build({
    entryPoints: ['agent/main.ts'],
    absWorkingDir: new URL('..', import.meta.url).pathname,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    write: false,
    legalComments: 'none',
    minifySyntax: true,
    minifyWhitespace: true,
    // Optional parts of pg that exist only where somebody installed them.
    plugins: [lazyNode],
    external: ['pg-native', 'cloudflare:sockets'],
    // Bundled CommonJS asks for node's modules through `require`.
    banner: { js: "const require=process.getBuiltinModule('node:module').createRequire(import.meta.url);" },
  })
  const [file] = outputFiles
  if (file === undefined) throw new Error('esbuild wrote nothing.')
  const content = Buffer.from(file.contents)
  return { content, sha256: createHash('sha256').update(content).digest('hex') }
}

if (import.meta.main) {
  const out = process.argv[2]
  if (out === undefined) throw new Error('Say where to write the agent: node agent/build.ts dist/agent.mjs')
  const { content, sha256 } = await buildAgent()
  await writeFile(out, content, { mode: 0o644 })
  console.log(`${sha256}  ${out}  ${content.length} bytes`)
}
