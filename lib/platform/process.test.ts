// Programs are started without a shell, with exactly the environment that is given.
import { expect, test } from 'vitest'
import { exitText, run, start } from './process.mjs'

const node = process.execPath

test('what a program writes and how it ends is a value', async () => {
  const script = 'console.log("out"); console.error("err"); process.exit(3)'
  expect(await run({ argv: [node, '-e', script] })).toEqual({ code: 3, signal: null, stdout: 'out\n', stderr: 'err\n' })
})

test('a program that does not exist rejects with its name', async () => {
  await expect(run({ argv: ['/no/such/program'] })).rejects.toThrow(/\/no\/such\/program/)
})

test('an argument is never read by a shell', async () => {
  const { stdout } = await run({ argv: [node, '-e', 'console.log(process.argv[1])', '$(id); `id`'] })
  expect(stdout).toBe('$(id); `id`\n')
})

test('the environment given is the whole environment', async () => {
  const { stdout } = await run({ argv: [node, '-p', 'Object.keys(process.env).join()'], env: { ONLY: '1' } })
  expect(stdout).toBe('ONLY\n')
})

test('text goes to stdin, and a program that does not read it is no failure', async () => {
  expect((await run({ argv: [node, '-e', 'process.stdin.pipe(process.stdout)'], stdin: 'hello' })).stdout).toBe('hello\n')
  expect((await run({ argv: [node, '-e', 'process.exit(0)'], stdin: 'x'.repeat(1_000_000) })).code).toBe(0)
})

test('a running child hands over its lines and ends by a signal', async () => {
  const lines: string[] = []
  const child = start({ argv: [node, '-e', 'console.log("ready"); setInterval(() => {}, 1000)'] }, { onLine: (line) => void (lines.push(line), child.kill('SIGTERM')) })
  const exit = await child.exited
  expect(lines).toEqual(['ready'])
  expect(exitText(exit)).toBe('signal SIGTERM')
})
