// `npm test`: runs every test, whatever Node this is.
import { handOver } from './bootstrap.mjs'

await handOver({ script: 'scripts/test.ts', args: process.argv.slice(2), needsDev: true })
