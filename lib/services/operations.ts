/** Every operation of the contract and the use case that answers it; the types hold each to its input and output. */
import { startBackup } from './backups.ts'
import type { Actor, Console } from './console.ts'
import * as drills from './drills.ts'
import * as extracts from './extracts.ts'
import * as health from './health.ts'
import * as hosts from './hosts.ts'
import * as images from './images.ts'
import * as keys from './keys.ts'
import { getOverview } from './overview.ts'
import * as people from './people.ts'
import * as preferences from './preferences.ts'
import * as recoveries from './recoveries.ts'
import * as reports from './reports.ts'
import * as moments from './moments.ts'
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
    checks: sources.sourceChecks, check: sources.checkSource, checkAll: sources.checkAll, fix: sources.applyFix, estimate: sources.estimateSource, settings: sources.getSourceSettings, setSettings: sources.saveSourceSettings, collectWal: sources.collectWal,
  },
  storage: { list: storages.listStorages, get: storages.getStorage, create: storages.createStorage, update: storages.updateStorage, remove: storages.removeStorage, test: storages.testStorage, media: storages.storageMedia, adopt: storages.adoptStorage, adoption: storages.storageAdoption },
  backup: { start: startBackup },
  run: { list: runs.listRuns, group: runs.getGroup, get: runs.getRun, events: runs.runEvents, cancel: runs.cancelRun, cancelGroup: runs.cancelGroup, retry: runs.retryRun },
  image: { list: images.listImages, get: images.getImage, hold: images.holdImage, release: images.releaseImage, verify: images.verifyImage },
  restore: { window: restores.sourceWindow, plan: restores.planSource, start: restores.startRestore, express: restores.express, findMoment: moments.findMoment, moments: moments.foundMoments },
  recovery: { plan: recoveries.planRecovery, start: recoveries.startRecovery, list: recoveries.listRecoveries, undo: recoveries.undoRecovery, release: recoveries.releaseRecovery },
  drill: { list: drills.listDrills, get: drills.getDrill, settings: drills.drillSettings, setSettings: drills.setDrillSettings, start: (console, actor, input) => drills.startDrill(console, actor, input) },
  extract: { list: extracts.listExtracts, get: extracts.getExtract, start: extracts.startExtract, load: extracts.loadFromExtract, stop: extracts.stopExtract },
  report: { runs: reports.reportRuns, calendar: reports.reportCalendar, trends: reports.reportTrends, timeline: reports.reportTimeline, hosts: reports.reportHosts, integrity: reports.reportIntegrity },
  key: { list: keys.listKeys, create: keys.createKey, import: keys.importKey, makeDefault: keys.makeDefaultKey, retire: keys.retireKey, activate: keys.activateKey, export: keys.exportKey, confirmKit: keys.confirmKit },
  user: { list: people.listUsers, create: people.createUser, update: people.updateUser },
  token: { list: people.listTokens, create: people.createToken, remove: people.removeToken },
  console: { preferences: preferences.getPreferences, setPreferences: preferences.setPreferences, audit: preferences.listAudit },
}
