// A log file that keeps its size: when it is full it becomes `<name>.1`, and the one before that is gone.
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs'

const limitBytes = 20 * 1024 * 1024

export interface LogFile {
  path: string
  write: (line: string) => void
  close: () => void
}

/** Appends lines in order, each at once, so that a crash loses none. When the disk refuses (full), lines are lost, which is told once by `onTrouble`, but nobody stops for it. */
export function openLogFile(path: string, onTrouble: (error: unknown) => void, limit = limitBytes): LogFile {
  const open = (): number => openSync(path, 'a', 0o600)
  let file = open()
  let size = fstatSync(file).size
  let isTroubled = false
  const rotate = (): void => {
    closeSync(file)
    renameSync(path, `${path}.1`)
    file = open()
    size = 0
  }
  const write = (line: string): void => {
    try {
      size += writeSync(file, `${line}\n`)
      if (size > limit) rotate()
      isTroubled = false
    } catch (error) {
      if (!isTroubled) onTrouble(error)
      isTroubled = true
    }
  }
  return { path, write, close: () => closeSync(file) }
}
