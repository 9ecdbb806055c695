/** Every operation of the contract and the use case that answers it; the types hold each to its input and output. */
import { startBackup } from './backups.ts'
import type { Actor, Console } from './console.ts'
import * as health from './health.ts'
import * as hosts from './hosts.ts'
import * as images from './images.ts'
import { getOverview } from './overview.ts'
import * as people from './people.ts'
import * as preferences from './preferences.ts'
import * as reports from './reports.ts'
import * as restores from './restores.ts'
import * as retention from './retention.ts'
import * as runs from './runs.ts'
import { getSet, listSets } from './set-view.ts'
import * as sets from './sets.ts'
import type { Input, Noun, Output, Verb } from './shapes.ts'
import * as sources from './sources.ts'
import * as storages from './storages.ts'

/** Only what is public may meet nobody. */
type ActorOf<N extends Noun> = N extends 'session' ? Actor | null : Actor
export type Operations = { [N in Noun]: { [V in Verb<N>]: (console: Console, actor: ActorOf<N>, input: Input<N, V>) => Promise<Output<N, V>> } }

export const operations: Operations = {
  session: { status: people.sessionStatus, firstStart: people.firstStart, changePassword: people.changePassword },
  overview: { get: getOverview, source: health.sourceHealthById },
  host: {
    list: hosts.listHosts, get: hosts.getHost, create: hosts.createHost, update: hosts.updateHost, remove: hosts.removeHost, readKey: hosts.readHostKey, confirmKey: hosts.confirmHostKey,
    deploy: hosts.deployHost, undeploy: hosts.undeployHost, describe: hosts.describeHost, inspect: hosts.inspectHost,
  },
  set: {
    list: listSets, get: getSet, create: sets.createSet, update: sets.updateSet, clone: sets.cloneSet, remove: sets.removeSet, activate: sets.activateSet, deactivate: sets.deactivateSet, setStorage: sets.setStorage,
    setSchedule: sets.setSchedule, previewSchedule: sets.previewSchedule, setRetention: retention.setRetention, previewRetention: retention.previewRetention, settings: sets.getSetSettings, setSettings: sets.saveSetSettings,
  },
  source: {
    list: sources.listSources, get: sources.getSource, create: sources.createSource, update: sources.updateSource, remove: sources.removeSource, activate: sources.activateSource, deactivate: sources.deactivateSource,
    checks: sources.sourceChecks, check: sources.checkSource, checkAll: sources.checkAll, estimate: sources.estimateSource, settings: sources.getSourceSettings, setSettings: sources.saveSourceSettings, collectWal: sources.collectWal,
  },
  storage: { list: storages.listStorages, get: storages.getStorage, create: storages.createStorage, update: storages.updateStorage, remove: storages.removeStorage, test: storages.testStorage, media: storages.storageMedia },
  backup: { start: startBackup },
  run: { list: runs.listRuns, group: runs.getGroup, get: runs.getRun, events: runs.runEvents, cancel: runs.cancelRun, cancelGroup: runs.cancelGroup, retry: runs.retryRun },
  image: { list: images.listImages, get: images.getImage, hold: images.holdImage, release: images.releaseImage, verify: images.verifyImage },
  restore: { window: restores.sourceWindow, plan: restores.planSource, start: restores.startRestore, express: restores.express },
  report: { runs: reports.reportRuns, calendar: reports.reportCalendar, trends: reports.reportTrends, timeline: reports.reportTimeline, hosts: reports.reportHosts, integrity: reports.reportIntegrity },
  user: { list: people.listUsers, create: people.createUser, update: people.updateUser },
  token: { list: people.listTokens, create: people.createToken, remove: people.removeToken },
  console: { preferences: preferences.getPreferences, setPreferences: preferences.setPreferences, audit: preferences.listAudit },
}
