import { expect, test } from 'vitest'
import type { Host } from '#lib/contract/hosts.ts'
import type { BackupSet } from '#lib/contract/sets.ts'
import type { Storage } from '#lib/contract/storages.ts'
import { currentStep, firstSteps } from './first-steps-order.ts'

const host = (state: Host['state']): Host => ({
  id: '1', name: 'db1', address: 'db1', port: 22, user: 'postgres', signIn: 'key', runAs: null, stateDirectory: null, comment: '', hostKeyFingerprint: null, hostKeyConfirmedAt: null, hostKeyConfirmedBy: null, offeredKeyFingerprint: null, offeredKeyAt: null,
  state, offlineReason: null, lastSeenAt: null, agentVersion: null, agentSha256: null, agentDeployedAt: null, os: null, kernel: null, architecture: null, cpus: null, memoryBytes: null, describedAt: null, tools: [], clusters: [], sources: [],
})
const storage = (state: Storage['state']): Storage => ({ id: '2', name: 'vault', kind: 'disk', comment: '', location: '/srv', rootPath: '/srv', host: null, bucket: null, keepFreeBytes: 0, quotaBytes: null, freeBytes: null, totalBytes: null, usedBytes: 0, testedAt: null, testProblem: null, state, images: 0, sets: [] })
const set = (gaps: readonly BackupSet['steps'][number]['page'][]): BackupSet => ({
  id: '3', name: 'night ly', comment: '', ownerId: null, ownerName: null, isActive: false, storageId: null, storageName: null, version: 0, schedule: { timeZone: 'UTC', cycleDays: 7, slots: [] }, retention: { keepFulls: 4, keepDays: 30, minimumFulls: 1 }, rpoTargetSeconds: 300, sources: 0, sentence: 'Backs up nothing yet.',
  steps: (['what', 'where', 'how', 'when', 'now'] as const).map((page) => ({ page, state: gaps.includes(page) ? 'gap' : 'done', text: `${page} is missing` })), nextRuns: [], canChange: true, images: 0, storedBytes: 0,
})
const next = (facts: Parameters<typeof firstSteps>[0]) => currentStep(firstSteps(facts))

test('a new console begins with a host and ends with a backup [P1]', () => {
  expect(next({ hosts: [], storages: [], sets: [], images: 0 })).toMatchObject({ key: 'host', href: '/admin/hosts/new' })
  expect(next({ hosts: [host('key-unknown')], storages: [], sets: [], images: 0 })).toMatchObject({ key: 'host', href: '/admin/hosts/1', text: 'db1 waits for you to compare and confirm its key.' })
  expect(next({ hosts: [host('key-unknown'), { ...host('online'), id: '9' }], storages: [], sets: [], images: 0 })?.key).toBe('storage')
  expect(next({ hosts: [host('online')], storages: [storage('problem')], sets: [], images: 0 })).toMatchObject({ key: 'storage', href: '/admin/storages/2' })
  expect(next({ hosts: [host('online')], storages: [storage('ok')], sets: [], images: 0 })).toMatchObject({ key: 'set', href: '/backup/what' })
  expect(next({ hosts: [host('online')], storages: [storage('ok')], sets: [set(['where', 'when'])], images: 0 })).toMatchObject({ key: 'set', href: '/backup/where?set=night%20ly', text: 'night ly: where is missing' })
  expect(next({ hosts: [host('online')], storages: [storage('ok')], sets: [set([])], images: 0 })).toMatchObject({ key: 'backup', href: '/backup/now?set=night%20ly' })
  expect(next({ hosts: [host('online')], storages: [storage('ok')], sets: [set([])], images: 1 })).toBeUndefined()
})

test('a first backup does not wait for a schedule, which is still asked for', () => {
  const steps = firstSteps({ hosts: [host('online')], storages: [storage('ok')], sets: [set(['when'])], images: 0 })
  expect(currentStep(steps)?.key).toBe('backup')
  expect(steps.find((step) => step.key === 'set')).toMatchObject({ isDone: true, label: 'Go on in Backup ▸ When' })
})
