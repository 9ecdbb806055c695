// Keeps the disk busy while the next frames are opened: what was written is sent on its way every few megabytes, so that little is left to wait for at the end.
import { closeSync, fdatasync } from 'node:fs'
import { pathProblem } from './system-problem.ts'

/** Sent at once: less makes the file system commit too often, more leaves the disk idle at the begin and busy at the end. */
const SEND_BYTES = 32 << 20
/** The end of a file is worth sending from here on; what is smaller goes with the sync of everything at the end of a restore. */
const LAST_BYTES = 4 << 20
/** Memory may hold as many unwritten pieces of one thread. */
const MOST_ON_THE_WAY = 3

export interface FileBehind {
  /** Hears of bytes that were just written to the file; returns what `caughtUp` does. */
  wrote(bytes: number): Promise<void> | undefined
  /** Returns when all that was sent of this file has arrived; rejects as `caughtUp` does. */
  arrived(): Promise<unknown>
  /** Closes the file when all that was sent has arrived. Throws write-failed where it is closed at once and the file system refuses. */
  close(): void
}

export interface WriteBehind {
  /** From here on the descriptor is closed by `close` alone. */
  begin(fd: number, path: string | Buffer): FileBehind
  /** A promise where the disk has to catch up before more is written or opened; it rejects with write-failed for whatever the disk refused. */
  caughtUp(): Promise<void> | undefined
  /** Returns when every file that was closed is closed and all that was sent has arrived; throws write-failed, naming the file, for the first that did not. */
  settled(): Promise<void>
}

export function writeBehind(send: (fd: number, done: (error: Error | null) => void) => void = fdatasync): WriteBehind {
  const onTheWay: Promise<void>[] = []
  const waited = async (): Promise<void> => {
    while (onTheWay.length > MOST_ON_THE_WAY) await onTheWay.shift()
  }
  const caughtUp = (): Promise<void> | undefined => (onTheWay.length > MOST_ON_THE_WAY ? waited() : undefined)
  const begin: WriteBehind['begin'] = (fd, path) => {
    const ofThisFile: Promise<void>[] = []
    let unsent = 0
    const push = (work: Promise<void>): void => {
      work.catch(() => {}) // heard when it is waited for
      onTheWay.push(work)
    }
    const sendOff = (): void => {
      unsent = 0
      const sent = new Promise<void>((resolve, reject) => send(fd, (error) => (error === null ? resolve() : reject(pathProblem('write-failed', path.toString(), error)))))
      ofThisFile.push(sent)
      push(sent)
    }
    // File systems of a network may say only here that there is no room.
    const shut = (): void => {
      try {
        closeSync(fd)
      } catch (error) {
        throw pathProblem('write-failed', path.toString(), error)
      }
    }
    return {
      wrote(bytes) {
        unsent += bytes
        if (unsent < SEND_BYTES) return undefined
        sendOff()
        return caughtUp()
      },
      arrived: () => Promise.all(ofThisFile),
      close() {
        if (unsent >= LAST_BYTES) sendOff()
        if (ofThisFile.length === 0) shut()
        else push(Promise.allSettled(ofThisFile).then(shut))
      },
    }
  }
  return {
    begin,
    caughtUp,
    async settled() {
      const [failed] = (await Promise.allSettled(onTheWay.splice(0))).filter(({ status }) => status === 'rejected')
      if (failed?.status === 'rejected') throw failed.reason
    },
  }
}
