import { describe, expect, test } from 'vitest'
import { resolveSettings, settingKeys, settings } from '#lib/domain/settings.ts'
import { changesOf, isOffered, parseDraft, settingSections, settingText } from './setting-fields.ts'

const inherited = resolveSettings({}).values

describe('sections', () => {
  test('every setting stands in exactly one section of its page [B1]', () => {
    for (const page of ['what', 'how'] as const) {
      const placed = settingSections[page].flatMap((section) => [...section.keys])
      expect(placed.toSorted()).toEqual(settingKeys.filter((key) => settings[key].page === page).toSorted())
    }
  })
  test('a field that would do nothing is not offered', () => {
    expect(isOffered('compressionLevel', 'global', {}, inherited)).toBe(false)
    expect(isOffered('compressionLevel', 'global', { compression: 'level' }, inherited)).toBe(true)
    expect(isOffered('encryptionKey', 'set', {}, inherited)).toBe(false)
    expect(isOffered('encryptionKey', 'set', { encryption: 'host' }, inherited)).toBe(true)
    expect(isOffered('parallelSources', 'source', {}, inherited)).toBe(false)
    expect(isOffered('parallelSources', 'set', {}, inherited)).toBe(true)
  })
})

describe('drafts', () => {
  test('a value reads with its unit or its choice in words', () => {
    expect(settingText('maxWalWaitSeconds', 60)).toBe('60 s')
    expect(settingText('compression', 'fast')).toBe('Fast')
    expect(settingText('cleanupWal', false)).toBe('off')
    expect(settingText('retries', 2)).toBe('2')
  })
  test('reset and override are both changes, untouched fields are none [B13]', () => {
    const changes = changesOf({ workers: 4, retries: null, compression: 'fast' }, { workers: 4, retries: 5 }, inherited)
    expect(changes).toEqual([
      { key: 'compression', label: 'Compression', before: 'Default (inherited)', after: 'Fast' },
      { key: 'retries', label: 'Retries', before: '5', after: '2 (inherited)' },
    ])
  })
  test('an empty or impossible number is refused with its range', () => {
    const parsed = parseDraft({ workers: Number.NaN, checkTimeoutSeconds: 0 })
    expect(parsed).toEqual({ ok: false, errors: { workers: 'Give a whole number from 1 to 32.', checkTimeoutSeconds: 'Give a whole number from 1 to 3600 s.' } })
  })
  test('null is kept as inherited', () => expect(parseDraft({ workers: null })).toEqual({ ok: true, overrides: { workers: null } }))
})
