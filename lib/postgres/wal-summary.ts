// What WAL summaries say about the files of relations: which blocks changed, and which files must be copied whole.
// Source: src/backend/backup/walsummaryfuncs.c, GetFileBackupMethod in src/backend/backup/basebackup_incremental.c (PostgreSQL 17)
import type { RelationFile } from './paths.ts'
import { SEGMENT_PAGES } from './pages.ts'

const DEFAULT_TABLESPACE = 1663
const GLOBAL_TABLESPACE = 1664

/** One relation's main fork as the summaries of a range tell it; relationNumber 0 stands for its whole database. */
export interface SummarisedRelation {
  tablespaceOid: number
  databaseOid: number
  relationNumber: number
  /** Fewest blocks it had at any moment of the range; null if it was neither made, cut nor dropped. */
  limitBlock: number | null
  blocks: readonly number[]
}

/** What to store of one file: its blocks, counted from its own begin, or all of it. */
export type FileChange = { kind: 'whole' } | { kind: 'blocks'; blocks: number[]; truncationBlocks: number }

const keyOf = (tablespace: number, database: number, relation: number): string => `${tablespace}/${database}/${relation}`

/** Answers for files of main forks; `sizeBlocks` is what the file has now. */
export function summaryReader(relations: readonly SummarisedRelation[]): (file: RelationFile, sizeBlocks: number) => FileChange {
  const byKey = new Map(relations.map((one) => [keyOf(one.tablespaceOid, one.databaseOid, one.relationNumber), { ...one, blocks: sorted(one.blocks) }]))
  return (file, sizeBlocks) => {
    const tablespace = file.tablespaceOid ?? (file.databaseOid === 0 ? GLOBAL_TABLESPACE : DEFAULT_TABLESPACE)
    // A database that was made or dropped within the range.
    if (byKey.has(keyOf(tablespace, file.databaseOid, 0))) return { kind: 'whole' }
    const found = byKey.get(keyOf(tablespace, file.databaseOid, file.relationNumber))
    if (found === undefined) return { kind: 'blocks', blocks: [], truncationBlocks: sizeBlocks }
    const first = file.segment * SEGMENT_PAGES
    if (found.limitBlock !== null && found.limitBlock <= first) return { kind: 'whole' }
    const begin = lowerBound(found.blocks, first)
    const end = lowerBound(found.blocks, first + Math.min(sizeBlocks, SEGMENT_PAGES))
    // Beyond where it was cut, only blocks that are given are of this file.
    const truncationBlocks = found.limitBlock === null ? sizeBlocks : Math.min(sizeBlocks, found.limitBlock - first)
    return { kind: 'blocks', blocks: found.blocks.slice(begin, end).map((block) => block - first), truncationBlocks }
  }
}

/** In order, each once: several summaries may name one block. */
const sorted = (blocks: readonly number[]): number[] => blocks.toSorted((a, b) => a - b).filter((block, index, all) => block !== all[index - 1])

/** Index of the first number that is not below `wanted`. */
function lowerBound(numbers: readonly number[], wanted: number): number {
  let [low, high] = [0, numbers.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((numbers[middle] ?? 0) < wanted) low = middle + 1
    else high = middle
  }
  return low
}
