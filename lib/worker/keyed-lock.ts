/** Lets one piece of work go on per key; the others wait their turn. */

export interface KeyedLock {
  run<T>(key: string, work: () => Promise<T>): Promise<T>
}

export function keyedLock(): KeyedLock {
  const last = new Map<string, Promise<unknown>>()
  return {
    async run(key, work) {
      const before = last.get(key) ?? Promise.resolve()
      const mine = before.then(work, work)
      last.set(key, mine)
      try {
        return await mine
      } finally {
        if (last.get(key) === mine) last.delete(key)
      }
    },
  }
}
