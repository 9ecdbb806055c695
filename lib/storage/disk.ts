/** Storage on a directory of the console's machine: temporary name, fsync, rename, fsync of the directory. */
import { createHash, randomUUID } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { constants, type Dirent } from 'node:fs'
import { mkdir, open, readdir, rename, rm, rmdir, stat, statfs, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { basename, dirname, isAbsolute, join, normalize } from 'node:path'
import { problem, ProblemError } from '#lib/domain/problem.ts'
import type { ProblemCode } from '#lib/domain/problem.ts'
import { getObject, putObject } from './objects.ts'
import { checkedKey } from './storage.ts'
import type { Space, Storage, StoredObject, Upload } from './storage.ts'

export interface DiskOptions {
  /** Absolute path; must exist, except for `testWrite`, which creates it. */
  root: string
  /** Bytes of the file system that are never filled. */
  keepFreeBytes?: number
  /** Upper limit of what this storage may hold. */
  quotaBytes?: number | null
}

/** How often, in bytes written, space is looked at again. */
const LOOK_EVERY_BYTES = 16 * 1024 * 1024
/** How long a count of the bytes kept here is believed, as long as this process alone writes. */
const USED_FRESH_MS = 60_000

const errno = (error: unknown): string => (error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '')

const faults: Record<string, { code: ProblemCode; text: string; hint: string }> = {
  ENOSPC: { code: 'no-space', text: 'No space is left', hint: 'Free space on the storage device, lower retention, or choose another device.' },
  EDQUOT: { code: 'no-space', text: 'The disk quota is used up', hint: 'Raise the quota of the user that writes here (of the worker, or of the agent on a host), or choose another device.' },
  EACCES: { code: 'write-failed', text: 'Permission denied', hint: 'Let the user that writes here (of the worker, or of the agent on a host) read and write the root path, for example with chown.' },
  EPERM: { code: 'write-failed', text: 'Operation not permitted', hint: 'Let the user that writes here (of the worker, or of the agent on a host) read and write the root path.' },
  EROFS: { code: 'write-failed', text: 'The file system is read-only', hint: 'Mount it read-write: mount -o remount,rw on its mount point.' },
  ENOENT: { code: 'storage-unavailable', text: 'The root path is not there', hint: 'Mount the device, or create the directory.' },
  ENOTDIR: { code: 'storage-unavailable', text: 'A part of the path is not a directory', hint: 'Choose a directory as root path.' },
}

/** A system error as a problem of this storage; what is no system error stays as it is. */
function faultOf(error: unknown, path: string): unknown {
  const code = errno(error)
  if (error instanceof ProblemError || code === '') return error
  const fault = faults[code] ?? { code: 'storage-unavailable' as const, text: `The system says ${code}`, hint: 'Look at the disk and the kernel log of the machine that has the root path.' }
  return problem(fault.code, `${fault.text}: ${path}`, { detail: error instanceof Error ? error.message : code, hint: fault.hint, cause: error })
}

const attempt = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw faultOf(error, path)
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const isPart = (name: string): boolean => name.startsWith('.') && name.endsWith('.part')

export function diskStorage(options: DiskOptions): Storage {
  if (!isAbsolute(options.root) || normalize(options.root) === '/') throw problem('invalid-input', `The root path "${options.root}" must be an absolute path of a directory`, { hint: 'Write a path such as /srv/backups.' })
  const root = normalize(options.root).replace(/\/$/, '')
  let used: { bytes: number; atMs: number } | undefined
  const pathOf = (key: string): string => join(root, checkedKey(key))

  async function* walk(directory: string): AsyncGenerator<{ path: string; entry: Dirent }> {
    let entries: Dirent[]
    try {
      entries = await readdir(directory, { withFileTypes: true })
    } catch (error) {
      if (errno(error) === 'ENOENT' && directory !== root) return // removed meanwhile, or a prefix that holds nothing
      throw error
    }
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(directory, entry.name)
      if (entry.isDirectory()) yield* walk(path)
      else if (entry.isFile()) yield { path, entry }
    }
  }

  const sizeOf = async (path: string) => stat(path).catch((error: unknown) => (errno(error) === 'ENOENT' ? null : Promise.reject(error instanceof Error ? error : new Error(String(error)))))

  async function usedBytes(): Promise<number> {
    if (used !== undefined && Date.now() - used.atMs < USED_FRESH_MS) return used.bytes
    let bytes = 0
    for await (const { path } of walk(root)) bytes += (await sizeOf(path))?.size ?? 0
    used = { bytes, atMs: Date.now() }
    return bytes
  }

  async function space(): Promise<Space> {
    return attempt(root, async () => {
      const file = await statfs(root)
      const freeBytes = file.bavail * file.bsize
      const kept = await usedBytes()
      const free = freeBytes - (options.keepFreeBytes ?? 0)
      const quota = options.quotaBytes === null || options.quotaBytes === undefined ? Infinity : options.quotaBytes - kept
      return { availableBytes: Math.max(0, Math.min(free, quota)), freeBytes, totalBytes: file.blocks * file.bsize, usedBytes: kept }
    })
  }

  const freeBytesOf = (): Promise<number> => attempt(root, async () => {
    const file = await statfs(root)
    return file.bavail * file.bsize
  })

  async function demand(bytes: number): Promise<void> {
    if ((options.keepFreeBytes ?? 0) === 0 && (options.quotaBytes ?? null) === null) return // the file system itself says when it is full
    // Without a quota nothing needs to be counted.
    if ((options.quotaBytes ?? null) === null && (await freeBytesOf()) - (options.keepFreeBytes ?? 0) >= bytes) return
    const now = await space()
    if (now.availableBytes >= bytes) return
    throw problem('no-space', `The storage device ${root} has no room for ${bytes} more bytes`, {
      detail: `Free ${now.freeBytes} bytes, to keep free ${options.keepFreeBytes ?? 0}, used ${now.usedBytes}${options.quotaBytes ? ` of a quota of ${options.quotaBytes}` : ''}.`,
      hint: 'Free space, raise the quota or lower keep-free in Backup ▸ Where, or lower retention.',
    })
  }

  /** Creates the folder of a key with every new level made durable. */
  async function makeFolder(path: string): Promise<void> {
    await stat(root)
    const first = await mkdir(path, { recursive: true, mode: 0o700 })
    if (first === undefined) return
    for (let level = path; level.length >= dirname(first).length; level = dirname(level)) await syncDirectory(level)
  }

  async function hashOf(path: string): Promise<{ hash: Hash; sizeBytes: number }> {
    const hash = createHash('sha256')
    let sizeBytes = 0
    const handle = await open(path, constants.O_RDONLY)
    try {
      for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: 1 << 20 })) {
        const bytes = chunk as Buffer
        hash.update(bytes)
        sizeBytes += bytes.length
      }
    } finally {
      await handle.close()
    }
    return { hash, sizeBytes }
  }

  async function openUpload(key: string, { sizeBytes, resume = true }: { sizeBytes?: number; resume?: boolean } = {}): Promise<Upload> {
    const path = pathOf(key)
    const folder = dirname(path)
    const part = join(folder, resume ? `.${basename(path)}.part` : `.${basename(path)}.${randomUUID()}.part`)
    let handle: FileHandle
    const earlier = await attempt(path, async () => {
      await makeFolder(folder)
      const found = resume && (await sizeOf(part)) !== null ? await hashOf(part) : { hash: createHash('sha256'), sizeBytes: 0 }
      const usable = sizeBytes === undefined || found.sizeBytes <= sizeBytes ? found : { hash: createHash('sha256'), sizeBytes: 0 }
      await demand(Math.max(0, (sizeBytes ?? 0) - usable.sizeBytes))
      handle = await open(part, constants.O_RDWR | constants.O_CREAT, 0o600)
      if (usable.sizeBytes === 0) await handle.truncate(0)
      return usable
    })
    const hash = earlier.hash
    let position = earlier.sizeBytes
    let unlooked = 0
    let isOpen = true
    const close = async (): Promise<void> => {
      if (isOpen) await handle.close()
      isOpen = false
    }
    const forget = async (): Promise<void> => {
      await close()
      await rm(part, { force: true })
    }
    return {
      offset: position,
      async write(chunk) {
        try {
          unlooked += chunk.length
          if (unlooked >= LOOK_EVERY_BYTES) {
            await demand(chunk.length)
            unlooked = 0
          }
          // Written at its own position: a second writer of the same bytes does no harm.
          for (let done = 0; done < chunk.length;) done += (await handle.write(chunk, done, chunk.length - done, position + done)).bytesWritten
          hash.update(chunk)
          position += chunk.length
          if (used) used.bytes += chunk.length
        } catch (error) {
          const fault = faultOf(error, path)
          if (fault instanceof ProblemError && fault.problem.code === 'no-space') await forget()
          throw fault
        }
      },
      async commit(expected) {
        const digest = hash.digest('hex')
        if (position !== expected.sizeBytes || digest !== expected.sha256) {
          await forget()
          throw problem('storage-corrupt', `What arrived for ${key} is not what was sent`, {
            detail: `Expected ${expected.sizeBytes} bytes with sha256 ${expected.sha256}, got ${position} bytes with ${digest}.`,
            hint: 'The transfer is begun anew; if it happens again, look at the memory and disks of both machines.',
          })
        }
        try {
          await handle.truncate(position)
          await handle.sync()
          await close()
          await rename(part, path)
          await syncDirectory(folder)
        } catch (error) {
          await forget()
          throw faultOf(error, path)
        }
      },
      pause: close,
      abort: forget,
    }
  }

  async function remove(key: string): Promise<boolean> {
    const path = pathOf(key)
    return attempt(path, async () => {
      const folder = dirname(path)
      await stat(root)
      const found = await sizeOf(path)
      await rm(join(folder, `.${basename(path)}.part`), { force: true })
      if (found === null) return false
      await unlink(path)
      if (used) used.bytes -= found.size
      await syncDirectory(folder)
      await removeEmptyFolders(folder)
      return true
    })
  }

  /** Folders are no objects: the empty ones go, up to the root. */
  async function removeEmptyFolders(folder: string): Promise<void> {
    for (let level = folder; level.length > root.length; level = dirname(level)) {
      try {
        await rmdir(level)
      } catch (error) {
        if (errno(error) === 'ENOTEMPTY' || errno(error) === 'ENOENT') return // a writer was quicker
        throw error
      }
    }
  }

  const storage: Storage = {
    openUpload,
    async read(key, range) {
      const path = pathOf(key)
      const handle = await attempt(path, async () => {
        await stat(root)
        return open(path, constants.O_RDONLY).catch((error: unknown) => {
          throw errno(error) === 'ENOENT' ? problem('not-found', `${key} is not in storage`, { hint: 'Verify the image; it may have been removed by hand.' }) : faultOf(error, path)
        })
      })
      if (range && range.end <= range.begin) {
        await handle.close()
        return Readable.from([])
      }
      return handle.createReadStream({ highWaterMark: 1 << 20, ...(range ? { start: range.begin, end: range.end - 1 } : {}) })
    },
    async stat(key) {
      const path = pathOf(key)
      return attempt(path, async () => {
        await stat(root)
        const found = await sizeOf(path)
        return found?.isFile() ? { key, sizeBytes: found.size, modifiedAt: found.mtime } : null
      })
    },
    async list(prefix) {
      return attempt(root, async () => {
        await stat(root)
        const folder = prefix === '' ? root : join(root, checkedKey(prefix.replace(/\/$/, '')))
        const found: StoredObject[] = []
        for await (const { path, entry } of walk(folder)) {
          if (isPart(entry.name)) continue
          const file = await sizeOf(path)
          if (file) found.push({ key: path.slice(root.length + 1), sizeBytes: file.size, modifiedAt: file.mtime })
        }
        return found
      })
    },
    remove,
    async sweep(prefix) {
      return attempt(root, async () => {
        await stat(root)
        const folder = prefix === '' ? root : join(root, checkedKey(prefix.replace(/\/$/, '')))
        let removed = 0
        for await (const { path, entry } of walk(folder)) {
          if (!isPart(entry.name)) continue
          await rm(path, { force: true })
          removed++
          await removeEmptyFolders(dirname(path))
        }
        used = undefined
        return removed
      })
    },
    space,
    async testWrite() {
      await attempt(root, () => mkdir(root, { recursive: true, mode: 0o700 }))
      const key = `howdah-test-${randomUUID()}`
      const content = Buffer.from(`written ${new Date().toISOString()} to see whether this place keeps what it is given\n`)
      await demand(content.length)
      await putObject(storage, key, content)
      const back = await getObject(storage, key)
      await remove(key)
      if (!back.equals(content)) throw problem('storage-corrupt', `What was written to ${root} came back different`, { hint: 'Do not use this device; look at the disk.' })
    },
  }
  return storage
}
