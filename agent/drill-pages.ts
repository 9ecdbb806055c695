// Proves the page checksums of a stopped copy: by pg_checksums where the host has it, else by reading every page ourselves.
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { DrillCheck } from '#lib/domain/drill.ts'
import { countInWords } from '#lib/domain/words.ts'
import { PAGE_BYTES, pageScanner, SEGMENT_PAGES } from '#lib/postgres/pages.ts'
import { parseRelationPath } from '#lib/postgres/paths.ts'
import { asOwner, shownCommand } from '#lib/postgres/server-commands.ts'
import { runProgram } from './process.ts'
import { findProgram } from './programs.ts'
import type { RunContext } from './run.ts'
import type { ScratchServer } from './scratch-server.ts'

const LIMIT_MS = 24 * 3_600_000
const MOST_FAILURES = 20
const PROGRESS_MS = 500
/** Pages read at once, after 4 bytes for each that the scanner fills. */
const PAGES_AT_ONCE = 128
const LIST_BYTES = 65_536

export interface PagesLooked {
  check: DrillCheck
  pages: number
}

interface Bad {
  pages: number
  failed: number
  failures: string[]
}

export async function checkPages({ server, isClean, isWanted }: { server: ScratchServer; isClean: boolean; isWanted: boolean }, run: RunContext): Promise<PagesLooked> {
  const skipped = (text: string): PagesLooked => ({ pages: 0, check: { id: 'checksums', status: 'skipped', text, failures: [], seconds: 0 } })
  if (!isWanted) return skipped('Page checksums were not looked at, as set.')
  if (server.control.dataChecksumVersion === 0) return skipped('The cluster has no page checksums.')
  const begin = Date.now()
  const program = isClean ? await findProgram('pg_checksums', [server.binaries]) : null
  const { pages, failed, failures } = program === null ? await readPages(server.dataDirectory, run) : await byProgram(program, server, run)
  const by = program === null ? 'by reading every page' : 'by pg_checksums'
  return {
    pages,
    check: {
      id: 'checksums', status: failed === 0 ? 'ok' : 'failed', failures, seconds: (Date.now() - begin) / 1000,
      text: failed === 0 ? `${countInWords(pages, 'page')} have the right checksum, ${by}.` : `${countInWords(failed, 'page has', 'pages have')} a wrong checksum, ${by}: ${failures[0] ?? ''}`,
    },
  }
}

async function byProgram(program: string, { dataDirectory, owner }: ScratchServer, run: RunContext): Promise<Bad> {
  const argv = asOwner([program, '--check', '-D', dataDirectory], owner)
  run.emit({ kind: 'command', text: shownCommand(argv) })
  const alive = setInterval(() => run.emit({ kind: 'progress', phase: 'test', doneBytes: 0, totalBytes: null }), 30_000)
  try {
    const { code, stdout, stderr } = await run.guard(runProgram(argv, LIMIT_MS, { signal: run.signal }))
    const count = (name: RegExp): number => Number(name.exec(stdout)?.[1] ?? 0)
    const failures = stderr.split('\n').filter((line) => /error:/.test(line)).map((line) => line.replace(/^.*?error: /, '').replace(`${dataDirectory}/`, ''))
    const bad = count(/Bad checksums: *(\d+)/)
    return { pages: count(/Blocks scanned: *(\d+)/), failed: code === 0 ? 0 : Math.max(1, bad), failures: code === 0 ? [] : (failures.length > 0 ? failures : [stderr.trim() || stdout.trim() || 'pg_checksums did not end well']).slice(0, MOST_FAILURES) }
  } finally {
    clearInterval(alive)
  }
}

/** Folders with files of relations: of the databases, of the shared tables, and of tablespaces. */
async function relationFiles(dataDirectory: string): Promise<{ path: string; name: string }[]> {
  const files: { path: string; name: string }[] = []
  const walk = async (directory: string, shown: string): Promise<void> => {
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const [path, name] = [join(directory, entry.name), `${shown}/${entry.name}`]
      if (entry.isDirectory()) await walk(path, name)
      else if (entry.isSymbolicLink()) {
        if ((await stat(path)).isDirectory()) await walk(path, name)
      } else files.push({ path, name })
    }
  }
  for (const top of ['base', 'global', 'pg_tblspc']) await walk(join(dataDirectory, top), top)
  return files
}

export async function readPages(dataDirectory: string, run: Pick<RunContext, 'signal' | 'emit'>): Promise<Bad> {
  const memory = new WebAssembly.Memory({ initial: (LIST_BYTES + PAGES_AT_ONCE * PAGE_BYTES) / 65_536, maximum: (LIST_BYTES + PAGES_AT_ONCE * PAGE_BYTES) / 65_536, shared: true })
  const scanner = pageScanner(memory, 0)
  const into = Buffer.from(memory.buffer, LIST_BYTES, PAGES_AT_ONCE * PAGE_BYTES)
  const found: Bad = { pages: 0, failed: 0, failures: [] }
  let saidAt = 0
  for (const { path, name } of await relationFiles(dataDirectory)) {
    const relation = parseRelationPath(name)
    if (relation === null) continue
    const file = await open(path, 'r')
    try {
      for (let block = 0; ; ) {
        if (run.signal.aborted) throw run.signal.reason
        const { bytesRead } = await file.read(into, 0, into.length, block * PAGE_BYTES)
        const pages = Math.floor(bytesRead / PAGE_BYTES)
        if (pages === 0) break
        const first = (relation.segment ?? 0) * SEGMENT_PAGES + block
        for (const index of scanner.bad(LIST_BYTES, pages, first)) {
          found.failed += 1
          if (found.failures.length < MOST_FAILURES) found.failures.push(`${name}, block ${first + index}`)
        }
        block += pages
        found.pages += pages
        if (Date.now() - saidAt >= PROGRESS_MS) {
          saidAt = Date.now()
          run.emit({ kind: 'progress', phase: 'test', doneBytes: found.pages * PAGE_BYTES, totalBytes: null })
        }
      }
    } finally {
      await file.close()
    }
  }
  return found
}
