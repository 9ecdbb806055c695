// The audit of P4 and P6: each property is kept, has a form and an origin, is read by what it should change, and a test that is really there shows that.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { settingSections } from '#components/settings/setting-fields.ts'
import { properties } from '#e2e/properties.ts'
import { resolveSettings, settingKeys, settings, settingScopes } from '#lib/domain/settings.ts'
import { sourceFiles } from './source-files.ts'

const top = join(import.meta.dirname, '..')
const text = (path: string): string => readFileSync(join(top, path), 'utf8')
const schema = text('prisma/schema.prisma')
const columnsOf = (model: string): string[] => (new RegExp(`^model ${model} \\{([^}]*)\\}`, 'm').exec(schema)?.[1] ?? '').split('\n').flatMap((line) => /^\s+(\w+)\s/.exec(line)?.[1] ?? [])

test.each(properties)('$name is kept, and the test named for it is there [P4] [P6] [B1]', ({ kept, shownBy: [file, title] }) => {
  const column = 'setting' in kept ? kept.setting : kept.column
  expect(columnsOf('setting' in kept ? 'Settings' : kept.of)).toContain(column)
  const titles = text(file).split('\n').filter((line) => /\b(test|describe|name:)/.test(line))
  expect(titles.some((line) => line.includes(title)), `${file} has no test of "${title}"`).toBe(true)
})

test('every setting is such a property, stands in one form, and is inherited with its origin [P4] [P6] [B13]', () => {
  expect(properties.flatMap(({ kept }) => ('setting' in kept ? [kept.setting] : [])).toSorted()).toEqual([...settingKeys].toSorted())
  for (const key of settingKeys) {
    expect(settingSections[settings[key].page].flatMap((section): readonly string[] => section.keys).filter((one) => one === key)).toEqual([key])
    const definition = settings[key]
    for (const scope of 'scopes' in definition ? definition.scopes : settingScopes) {
      const { origins, values } = resolveSettings({ [scope]: { [key]: definition.initial } })
      expect([origins[key], values[key]]).toEqual([scope, definition.initial])
    }
  }
})

/** Settings that nothing in this text reads. */
function ignoredIn(source: string): string[] {
  // These are read through the functions of the table that say what they mean together.
  const through: Partial<Record<string, RegExp>> = { compressionLevel: /\b(zstdLevel|levelAt)\(/, compressionPlace: /\blevelAt\('console'/, encryptionKey: /\bresolveEncryption\(/ }
  return settingKeys.filter((key) => !(through[key] ?? new RegExp(`(settings|values|input|options|facts\\.settings|'\\{source,settings)[.,}]\\s*${key}\\b|\\b${key}\\b\\s*[,}]`)).test(source))
}

test('no setting is accepted and ignored: each is read outside of forms, columns and its own table [P4] [P6]', async () => {
  const files = (await sourceFiles(top)).filter((path) => /^(lib\/(worker|services|domain|db)|agent)\//.test(path) && !/\.test\.ts$|^lib\/domain\/(settings|change)\.ts$|^lib\/services\/(settings|set-view)\.ts$|generated/.test(path))
  const all = files.map(text).join('\n')
  expect(ignoredIn(all)).toEqual([])
  // The same text without its readers of one setting.
  expect(ignoredIn(all.replaceAll('maxWalWaitSeconds', 'x').replaceAll("levelAt('console'", 'x('))).toEqual(['compressionPlace', 'maxWalWaitSeconds'])
})

test('the limits that Amanda documents are the ones that hold unless somebody changes them [P6]', () => {
  const { values } = resolveSettings({})
  expect(values).toMatchObject({ checkTimeoutSeconds: 30, estimateTimeoutSeconds: 300, dataTimeoutSeconds: 1800, maxWalWaitSeconds: 60, retries: 2, fullWal: 'incr', cleanupWal: true })
  expect(settings.maxWalWaitSeconds.schema.safeParse(0).success).toBe(true)
})
