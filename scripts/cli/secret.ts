// Secrets come from a file, from stdin or from a prompt without echo: never from an argument, which every user of the machine could read.
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { problem } from '#lib/domain/problem.ts'

/** `-` is stdin. */
export const readSecretFile = async (path: string): Promise<string> => (path === '-' ? text(process.stdin) : readFile(path, 'utf8'))

/** One line typed unseen, or the first line of stdin where nobody types. */
export async function askSecret(question: string): Promise<string> {
  if (!process.stdin.isTTY) return (await text(process.stdin)).split('\n')[0] ?? ''
  process.stderr.write(question)
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: unseen, terminal: true })
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve)
      lines.once('SIGINT', () => reject(problem('cancelled', 'Given up')))
    })
  } finally {
    lines.close()
    process.stderr.write('\n')
  }
}
