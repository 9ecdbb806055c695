/** The API of Howdah: one contract gives the typed client, the react-query hooks, the command line and the OpenAPI document. */
import { console_, session, tokens, users } from './admin.ts'
import { hosts } from './hosts.ts'
import { overview, reports } from './reports.ts'
import { restores } from './restores.ts'
import { backups, images, runs } from './runs.ts'
import { sets, sources } from './sets.ts'
import { storages } from './storages.ts'

export const contract = { session, overview, host: hosts, set: sets, source: sources, storage: storages, backup: backups, run: runs, image: images, restore: restores, report: reports, user: users, token: tokens, console: console_ }
export type Contract = typeof contract
