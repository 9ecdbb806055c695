// Two kinds of tests: `unit` is pure and takes milliseconds, `integration` starts real servers and runs three files at a time.
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './scripts/test-order.ts'

const never = ['**/node_modules/**', '.next/**', 'dist/**', 'lib/db/generated/**']

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.{ts,tsx}'],
          exclude: [...never, '**/*.integration.test.{ts,tsx}'],
          testTimeout: 10_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['**/*.integration.test.ts'],
          exclude: never,
          globalSetup: 'scripts/test-catalog-setup.ts',
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
})
