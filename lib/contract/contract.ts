/** The API of Howdah: one contract gives the typed client, the react-query hooks, the command line and the OpenAPI document. */
import { console_, session, tokens, users } from './admin.ts'
import { drills } from './drills.ts'
import { extracts } from './extracts.ts'
import { hosts } from './hosts.ts'
import { keys } from './keys.ts'
import { overview, reports } from './reports.ts'
import { recoveries } from './recoveries.ts'
import { restores } from './restores.ts'
import { backups, images, runs } from './runs.ts'
import { sets, sources } from './sets.ts'
import { storages } from './storages.ts'

export const contract = { session, overview, host: hosts, set: sets, source: sources, storage: storages, backup: backups, run: runs, image: images, restore: restores, recovery: recoveries, drill: drills, extract: extracts, report: reports, key: keys, user: users, token: tokens, console: console_ }
export type Contract = typeof contract
