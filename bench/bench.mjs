// `npm run bench`: measures Howdah beside its peers, whatever Node this is.
import { handOver } from '#scripts/bootstrap.mjs'

await handOver({ script: 'bench/main.ts', args: process.argv.slice(2), needsDev: true })
