// `npm run demo`: a disposable host in a console of its own, whatever Node this is.
import { handOver } from './bootstrap.mjs'

await handOver({ script: 'scripts/demo.ts', args: process.argv.slice(2), needsDev: false })
