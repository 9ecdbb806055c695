// `npm run up` and `npm run dev`: starts Howdah, whatever Node this is.
import { handOver } from './bootstrap.mjs'

const args = process.argv.slice(2)
await handOver({ script: 'scripts/supervisor.ts', args, needsDev: args.includes('--dev') })
