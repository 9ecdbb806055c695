// Which stripes of a chain are read, and in what order.
import { expect, test } from 'vitest'
import { stripesInTurn } from './restore.ts'
import type { MergedFile } from './restore-survey.ts'

const volumes = (stripe: string, count: number) => Array.from({ length: count }, (_, index) => ({ name: `${stripe}.00000${index + 1}.tar.zst`, sizeBytes: 10, rawBytes: 20, sha256: 'a'.repeat(64) }))
const merged = new Map<string, MergedFile>([['base/5/1', { number: 0, from: 0, as: { mode: 0o600, uid: 1, gid: 1, user: 'u', group: 'g', mtime: 0 } }]])

test('a stripe of an earlier image is read where anything of it is wanted, be it empty files alone; one that nothing is wanted of is not [E10]', () => {
  const images = [0, 1].map(() => ['data-1', 'data-2', 'data-3'].map((stripe) => ({ stripe, volumes: volumes(stripe, 2) })))
  const needed = [new Map([['data-1', [2]], ['data-2', []]]), new Map([['data-1', [1, 2]]])]
  const turns = stripesInTurn(images, { merged, needed }, 1)
  const read = turns.map((turn) => turn.map(({ image, stripe, volumes: wanted }) => `${image} ${stripe}: ${wanted.map(({ name }) => name.slice(7, 13)).join(' ')}`))
  expect(read).toEqual([['1 data-1: 000001 000002', '1 data-2: ', '1 data-3: '], ['0 data-1: 000002', '0 data-2: ']])
})
