// Browser tests: one page at a time through a real console, a real host and Debian's Chromium.
import { defineConfig } from '@playwright/test'

export default defineConfig({
  testDir: 'e2e',
  testMatch: '**/*.spec.ts',
  testIgnore: '**/node_modules/**',
  globalSetup: './e2e/stage.ts',
  outputDir: 'test-results',
  workers: 1,
  retries: 0,
  forbidOnly: true,
  timeout: 120_000,
  expect: { timeout: 15_000 },
  // The first path makes the administrator, the host, the set and the first backup; the other files go on from there.
  projects: [
    { name: 'first-path', testMatch: 'first-path.spec.ts' },
    { name: 'pages', testIgnore: ['first-path.spec.ts', '**/node_modules/**'], dependencies: ['first-path'] },
  ],
  use: {
    browserName: 'chromium',
    launchOptions: {
      executablePath: '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    },
    // Without a film of every test: the page at each step is kept, and the picture of a failure.
    trace: { mode: 'retain-on-failure', screenshots: false, snapshots: true, sources: true },
    screenshot: 'only-on-failure',
  },
})
