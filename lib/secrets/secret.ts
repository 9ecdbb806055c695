/** A text that never prints itself: not in logs, not in JSON, not in an error. */
import { inspect } from 'node:util'

const HIDDEN = '[secret]'

export class Secret {
  readonly #text: string
  constructor(text: string) {
    this.#text = text
  }
  /** The only way out; call it where the text is handed over, never where it is stored. */
  reveal(): string {
    return this.#text
  }
  toString(): string {
    return HIDDEN
  }
  toJSON(): string {
    return HIDDEN
  }
  [inspect.custom](): string {
    return HIDDEN
  }
}
