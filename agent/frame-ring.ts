// Lets several threads read and compress one long file: its writer asks for frames ahead, whoever is free makes them, the writer takes them in order.
import { readSync } from 'node:fs'
import type { FrameCompressor } from '#lib/image/frame-compressor.ts'
import { FRAME_BYTES } from '#lib/image/frames.ts'
import type { NextFrame } from '#lib/image/stripe-writer.ts'
import { PAGE_BYTES, type PageScanner } from '#lib/postgres/pages.ts'
import { FIELD, type FrameMemory, RING_SLOTS, type Slot, slotsOf } from './frame-memory.ts'

const STATE = { free: 0, asked: 1, taken: 2, done: 3, failed: 4 } as const
const WAIT_MS = 200
const NO_PAGES = -1

export interface MakerOptions {
  shared: FrameMemory
  /** Null = not compressed. */
  compress: FrameCompressor | null
  /** Null where the cluster has no checksums. */
  scanner: PageScanner | null
  /** Hears of every byte read. */
  onRead: (bytes: number) => void
}

/** Reads and compresses the frame a slot asks for. A file that ends early, or cannot be read, is left to its writer. */
function make({ shared: { states }, compress, scanner, onRead }: MakerOptions, slot: Slot): void {
  let state: number = STATE.failed
  try {
    const field = (name: keyof typeof FIELD): number => states[slot.at + FIELD[name]] ?? 0
    const position = field('frame') * FRAME_BYTES
    let got = 0
    while (got < FRAME_BYTES) {
      const more = readSync(field('fd'), slot.raw.bytes, got, FRAME_BYTES - got, position + got)
      if (more === 0) return
      got += more
    }
    onRead(got)
    const firstBlock = field('firstBlock')
    states[slot.at + FIELD.badPages] = scanner === null || firstBlock === NO_PAGES ? 0 : scanner.bad(slot.raw.address, FRAME_BYTES / PAGE_BYTES, firstBlock + position / PAGE_BYTES).length
    if (compress !== null) states[slot.at + FIELD.storedBytes] = compress(slot.raw.bytes, slot.stored).length
    state = STATE.done
  } catch (error) {
    // The writer reads this frame itself and meets the same failure, with the path at hand.
    if (!(error instanceof Error) || !('code' in error)) throw error
  } finally {
    Atomics.store(states, slot.at + FIELD.state, state)
    Atomics.notify(states, slot.at + FIELD.state)
  }
}

/** Makes one frame that is asked for and that nobody has taken; false if there is none. */
function makeOne(options: MakerOptions, slots: readonly Slot[]): boolean {
  for (const slot of slots) {
    if (Atomics.compareExchange(options.shared.states, slot.at + FIELD.state, STATE.asked, STATE.taken) !== STATE.asked) continue
    make(options, slot)
    return true
  }
  return false
}

export interface LongFile {
  fd: number
  sizeBytes: number
  /** Number of its first page in its relation; null for files that have no pages. */
  firstBlock: number | null
  /** Some pages of the frame at `position` have a wrong checksum; it lies at `address` of the shared memory. */
  onBadPages: (address: number, position: number) => void
}

/** The frames of a long file for its writer: it makes them too, as long as no other thread has. `end` waits until nobody reads the file any more. */
export function frameRing(options: MakerOptions, writer: number): (file: LongFile) => { nextFrame: NextFrame; end(): void } {
  const { shared: { states, bell, writers }, compress } = options
  const slots = slotsOf(options.shared, writer)
  const stateOf = (slot: Slot): number => Atomics.load(states, slot.at + FIELD.state)
  const settle = (slot: Slot) => {
    while (stateOf(slot) === STATE.asked || stateOf(slot) === STATE.taken) {
      // While another thread makes the frame that is next, the ones behind it are made here.
      if (Atomics.compareExchange(states, slot.at + FIELD.state, STATE.asked, STATE.taken) === STATE.asked) make(options, slot)
      else if (!makeOne(options, slots)) Atomics.wait(states, slot.at + FIELD.state, STATE.taken, WAIT_MS)
    }
  }

  return ({ fd, sizeBytes, firstBlock, onBadPages }) => {
    const frames = Math.floor(sizeBytes / FRAME_BYTES)
    /** The last one freed is used next: it is the one the processor still has at hand. */
    const free = slots.toReversed()
    const inOrder: Slot[] = []
    let asked = 0
    let held: Slot | undefined
    const release = (slot: Slot | undefined) => {
      if (slot === undefined) return
      Atomics.store(states, slot.at + FIELD.state, STATE.free)
      free.push(slot)
    }
    const ask = (): void => {
      const slot = free.pop()
      if (slot === undefined) return
      states[slot.at + FIELD.fd] = fd
      states[slot.at + FIELD.frame] = asked
      states[slot.at + FIELD.firstBlock] = firstBlock ?? NO_PAGES
      Atomics.store(states, slot.at + FIELD.state, STATE.asked)
      inOrder.push(slot)
      asked += 1
    }
    return {
      nextFrame(position) {
        release(held)
        const frame = position / FRAME_BYTES
        const ahead = Atomics.load(bell, 1) < writers ? RING_SLOTS : 1
        while (asked < Math.min(frames, frame + ahead) && free.length > 0) ask()
        if (ahead > 1) {
          Atomics.add(bell, 0, 1)
          Atomics.notify(bell, 0)
        }
        held = inOrder.shift()
        if (held === undefined) return null
        settle(held)
        if (stateOf(held) !== STATE.done) return null
        if ((states[held.at + FIELD.badPages] ?? 0) > 0) onBadPages(held.raw.address, position)
        return { raw: held.raw.bytes, stored: compress === null ? held.raw.bytes : held.stored.subarray(0, states[held.at + FIELD.storedBytes]) }
      },
      end() {
        for (const slot of slots) {
          Atomics.compareExchange(states, slot.at + FIELD.state, STATE.asked, STATE.free)
          while (stateOf(slot) === STATE.taken) Atomics.wait(states, slot.at + FIELD.state, STATE.taken, WAIT_MS)
          Atomics.store(states, slot.at + FIELD.state, STATE.free)
        }
      },
    }
  }
}

/** Makes frames for other writers until all of them have ended, or `isStopped` says so. */
export function helpOthers(options: MakerOptions, writer: number, isStopped: () => boolean): void {
  const { bell, writers } = options.shared
  const others = Array.from({ length: writers }, (_, number) => number).filter((number) => number !== writer).flatMap((number) => slotsOf(options.shared, number))
  for (;;) {
    const heard = Atomics.load(bell, 0)
    if (makeOne(options, others)) continue
    if (isStopped() || Atomics.load(bell, 1) === 0) return
    Atomics.wait(bell, 0, heard, WAIT_MS)
  }
}

/** A writer has taken its last file: those who help may go once all have. */
export function leaveRing({ bell }: FrameMemory): void {
  Atomics.sub(bell, 1, 1)
  Atomics.add(bell, 0, 1)
  Atomics.notify(bell, 0)
}
export const enterRing = ({ bell, writers }: FrameMemory): void => void Atomics.store(bell, 1, writers)
