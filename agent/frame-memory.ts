// The memory that the writers of a backup share: for each one frame of its own, and a ring of frames that any of them may fill.
import { STORED_FRAME_BYTES } from '#lib/image/frame-compressor.ts'
import { FRAME_BYTES } from '#lib/image/frames.ts'
import { PAGE_BYTES } from '#lib/postgres/pages.ts'

/** Frames of one long file that are on their way at the same time. */
export const RING_SLOTS = 6

const WASM_PAGE_BYTES = 65_536
const SLOT_BYTES = FRAME_BYTES + STORED_FRAME_BYTES
/** Room for the indices that a scan of one frame finds. */
const LIST_BYTES = 4096
const SCRATCH_BYTES = LIST_BYTES + PAGE_BYTES
const WRITER_BYTES = SCRATCH_BYTES + FRAME_BYTES + RING_SLOTS * SLOT_BYTES

/** Fields of one slot in `states`. */
export const FIELD = { state: 0, fd: 1, frame: 2, firstBlock: 3, storedBytes: 4, badPages: 5 } as const
const FIELDS = 6

/** Handed to every thread of one run. */
export interface FrameMemory {
  memory: WebAssembly.Memory
  states: Int32Array
  /** [0] counts requests, so that a thread with nothing to do can sleep on it; [1] how many writers still write. */
  bell: Int32Array
  writers: number
}

export function makeFrameMemory(writers: number): FrameMemory {
  const pages = Math.ceil((writers * WRITER_BYTES) / WASM_PAGE_BYTES)
  return {
    memory: new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }),
    states: new Int32Array(new SharedArrayBuffer(4 * FIELDS * RING_SLOTS * writers)),
    bell: new Int32Array(new SharedArrayBuffer(8)),
    writers,
  }
}

export interface Slot {
  /** Where its fields begin in `states`. */
  at: number
  raw: Room
  stored: Buffer
}

const view = ({ memory }: FrameMemory, address: number, length: number): Buffer => Buffer.from(memory.buffer, address, length)

/** A part of the memory as bytes, and where it begins. */
export interface Room {
  address: number
  bytes: Buffer
}
const room = (shared: FrameMemory, address: number, length: number): Room => ({ address, bytes: view(shared, address, length) })

export const listAddress = (writer: number): number => writer * WRITER_BYTES
/** One page that is read again. */
export const onePage = (shared: FrameMemory, writer: number): Room => room(shared, listAddress(writer) + LIST_BYTES, PAGE_BYTES)
export const ownFrame = (shared: FrameMemory, writer: number): Room => room(shared, listAddress(writer) + SCRATCH_BYTES, FRAME_BYTES)

export const slotsOf = (shared: FrameMemory, writer: number): Slot[] =>
  Array.from({ length: RING_SLOTS }, (_, number) => {
    const address = ownFrame(shared, writer).address + FRAME_BYTES + number * SLOT_BYTES
    return { at: (writer * RING_SLOTS + number) * FIELDS, raw: room(shared, address, FRAME_BYTES), stored: view(shared, address + FRAME_BYTES, STORED_FRAME_BYTES) }
  })
