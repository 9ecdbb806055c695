// Processes below this one, as /proc tells: the CPU time they and their dead used, and the memory of each.
import { readdir, readFile } from 'node:fs/promises'
import { readdirSync, readFileSync } from 'node:fs'

/** Ticks a second of /proc/<pid>/stat; Linux has 100 on every architecture it runs PostgreSQL on. Source: proc(5), sysconf(_SC_CLK_TCK). */
const TICKS = 100

interface Row {
  pid: number
  parent: number
  /** Own time and that of children which were waited for, user and system. */
  cpuSeconds: number
}

/** Source: proc(5): field 4 is ppid, 14 to 17 are utime, stime, cutime and cstime. */
function parseStat(pid: number, text: string): Row {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return { pid, parent: Number(fields[1]), cpuSeconds: ticks / TICKS }
}

/** Those below `top`, and `top` itself first. */
function below(rows: readonly Row[], top: number): Row[] {
  const children = Map.groupBy(rows, ({ parent }) => parent)
  const found = rows.filter(({ pid }) => pid === top)
  for (const { pid } of found) found.push(...(children.get(pid) ?? []))
  return found
}

const isPid = (name: string): boolean => /^\d+$/.test(name)

/** A process may end between two looks: then there is nothing to read. */
const textOf = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
  if (error.code === 'ENOENT' || error.code === 'ESRCH') return undefined
  throw error
})

export async function tree(top: number): Promise<Row[]> {
  const rows = await Promise.all((await readdir('/proc')).filter(isPid).map(async (name) => {
    const text = await textOf(`/proc/${name}/stat`)
    return text === undefined ? [] : [parseStat(Number(name), text)]
  }))
  return below(rows.flat(), top)
}

/** The most memory a process ever had, in bytes; 0 when it is gone. */
export async function peakRss(pid: number): Promise<number> {
  const text = await textOf(`/proc/${pid}/status`)
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(text ?? '')?.[1] ?? 0) * 1024
}

/** CPU seconds since boot that all processors spent on programs: user, nice, system, irq and softirq. Source: proc(5), /proc/stat. */
export async function busySeconds(): Promise<number> {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (await readFile('/proc/stat', 'utf8')).split('\n', 1)[0]?.split(/\s+/).map(Number) ?? []
  return (user + nice + system + irq + softirq) / TICKS
}

/** For the last moment of a process, where nothing can be awaited: all below it. */
export function treeNow(top: number): number[] {
  const rows = readdirSync('/proc').filter(isPid).flatMap((name) => {
    try {
      return [parseStat(Number(name), readFileSync(`/proc/${name}/stat`, 'utf8'))]
    } catch {
      return [] // it ended between two looks
    }
  })
  return below(rows, top).map(({ pid }) => pid).filter((pid) => pid !== top)
}
