// Looks at 8 KiB pages of relation files in bulk: which have a wrong checksum, which may have changed since an LSN.
import type { Lsn } from './lsn.ts'
import { pagesWasm } from './pages-wasm.ts'

export const PAGE_BYTES = 8192
/** Pages of one file of a relation: RELSEG_SIZE of every stock build. Source: https://www.postgresql.org/docs/current/storage-file-layout.html */
export const SEGMENT_PAGES = 131_072

export interface PageScanner {
  /**
   * Indices (from 0) of pages whose checksum is not that of their content as block `firstBlock` and following of their
   * relation. New pages (never initialised) have none and count as right.
   */
  bad(address: number, pages: number, firstBlock: number): number[]
  /** Indices of pages with an LSN at or after `since`, and of new pages, which have no LSN to tell by. */
  changed(address: number, pages: number, since: Lsn): number[]
}

interface Exports {
  bad: (address: number, pages: number, firstBlock: number, out: number) => number
  changed: (address: number, pages: number, since: bigint, out: number) => number
}

/**
 * A scanner of pages that lie in `memory`, a shared WebAssembly memory; addresses are byte offsets into it. `scratch` is
 * the address of 4 bytes for each page of the longest call, used by this scanner alone.
 */
export function pageScanner(memory: WebAssembly.Memory, scratch: number): PageScanner {
  const bytes = Uint8Array.from(atob(pagesWasm), (letter) => letter.charCodeAt(0))
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { host: { memory } })
  const { bad, changed } = exports as unknown as Exports // the module next door
  const found = (count: number): number[] => [...new Uint32Array(memory.buffer, scratch, count)]
  return {
    bad: (address, pages, firstBlock) => found(bad(address, pages, firstBlock, scratch)),
    changed: (address, pages, since) => found(changed(address, pages, since, scratch)),
  }
}

/** The LSN in a page's header: the end of the record that changed it last. */
export function pageLsn(page: Uint8Array): bigint {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength)
  return (BigInt(view.getUint32(0, true)) << 32n) | BigInt(view.getUint32(4, true))
}
