import { describe, expect, test } from 'vitest'
import { roomLine } from './room.ts'

const GIB = 2 ** 30

describe('room for the next full [C1]', () => {
  test.each([
    { name: 'fits by its history', room: { availableBytes: 3 * GIB, fulls: [{ rawBytes: 10 * GIB, storedBytes: 2 * GIB }], sizeBytes: 10 * GIB }, status: 'ok' },
    { name: 'has grown since', room: { availableBytes: 3 * GIB, fulls: [{ rawBytes: 10 * GIB, storedBytes: 2 * GIB }], sizeBytes: 20 * GIB }, status: 'error' },
    { name: 'has a history and no size', room: { availableBytes: GIB, fulls: [{ rawBytes: 10 * GIB, storedBytes: 2 * GIB }], sizeBytes: null }, status: 'error' },
    { name: 'was never backed up and is larger than what is free', room: { availableBytes: 3 * GIB, fulls: [], sizeBytes: 10 * GIB }, status: 'warn' },
    { name: 'was never backed up and fits as it is', room: { availableBytes: 30 * GIB, fulls: [], sizeBytes: 10 * GIB }, status: 'ok' },
    { name: 'is unknown altogether', room: { availableBytes: 1, fulls: [], sizeBytes: null }, status: 'ok' },
    { name: 'goes into a bucket without a limit', room: { availableBytes: Infinity, fulls: [{ rawBytes: 10 * GIB, storedBytes: 2 * GIB }], sizeBytes: 10 * GIB }, status: 'ok' },
  ])('a source that $name: $status', ({ room, status }) => {
    const line = roomLine(room)
    expect(line.status).toBe(status)
    if (status === 'ok') expect(line.fix).toBeUndefined()
    else expect(line).toMatchObject({ found: expect.stringContaining('free') as string, wanted: expect.stringContaining('GiB') as string, fix: { kind: 'text' } })
  })
})
