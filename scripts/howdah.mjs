#!/usr/bin/env node
// `howdah`: the command line of the console, whatever Node this is.
import { handOver } from './bootstrap.mjs'

await handOver({ script: 'scripts/cli/main.ts', args: process.argv.slice(2) })
