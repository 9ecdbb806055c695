// Peers without a repository: PostgreSQL's own pg_basebackup, and tar with zstd, which knows nothing of PostgreSQL and is the measure of raw work.
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesIn, freshFolder, must, serverIdentity } from './commands.ts'
import { type Contestant, LEVEL, type Scene, WORKERS } from './contestant.ts'

/** It ends with the file and its folder durable, as --no-sync is not given. Page checksums are verified by the server. */
export function pgBasebackup({ cluster, scratch }: Scene): Contestant {
  const folder = join(scratch, 'pg_basebackup')
  return {
    name: `pg_basebackup ${cluster.major} (client-zstd)`,
    prepare: async () => void (await freshFolder(folder)),
    async run() {
      const { binaries, port, socketDirectory } = cluster
      await must([join(binaries, 'pg_basebackup'), '-D', folder, '-Ft', '-X', 'none', '-c', 'fast', `--compress=client-zstd:${LEVEL}`, '-h', socketDirectory, '-p', String(port), '-U', 'postgres', '--no-password'], await serverIdentity())
    },
    stored: () => bytesIn(folder),
    clear: async () => void (await freshFolder(folder)),
  }
}

/** No begin and no end, no checksums of pages, no digests: less work than the others do. */
export function tarZstd({ cluster, scratch }: Scene): Contestant {
  const folder = join(scratch, 'tar')
  return {
    name: `tar, zstd -T${WORKERS} (raw)`,
    prepare: async () => void (await freshFolder(folder)),
    async run() {
      const script = `tar -C "$1" --exclude=./pg_wal -cf - . | zstd -q -T${WORKERS} -${LEVEL} -o "$2/data.tar.zst" && sync "$2/data.tar.zst" "$2"`
      await must(['/bin/sh', '-c', script, 'sh', cluster.dataDirectory, folder], await serverIdentity())
    },
    stored: () => bytesIn(folder),
    clear: async () => void (await freshFolder(folder)),
  }
}

export const hasZstd = (): Promise<boolean> => access('/usr/bin/zstd').then(() => true, () => false)
