/** Text that PostgreSQL cannot hold is refused before it gets there. */
import { problem } from '#lib/domain/problem.ts'

/** NUL bytes and halves of surrogate pairs, anywhere in an input. */
export function mustBeText(input: unknown, path = ''): void {
  if (typeof input === 'string') {
    if (input.includes('\0') || !input.isWellFormed()) throw problem('invalid-input', 'The input holds characters that are no text', { fields: [{ path, message: 'holds a NUL byte or half a character' }] })
  } else if (input !== null && typeof input === 'object') {
    for (const [key, value] of Object.entries(input)) {
      mustBeText(key, path)
      mustBeText(value, path === '' ? key : `${path}.${key}`)
    }
  }
}
