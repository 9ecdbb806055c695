/** Brakes guessing of passwords: failures are counted per e-mail address, whoever sends them and from wherever, and over all. */
export interface Limiter {
  /** Seconds to wait before the next try; 0 = now. */
  waitSeconds(key: string): number
  failed(key: string): void
  succeeded(key: string): void
}

export interface Limits {
  now: () => Date
  perKey?: number
  overAll?: number
  windowMs?: number
}

/** Kept in the memory of one web process: each further one allows as many again, which is still few. */
export function createLimiter({ now, perKey = 10, overAll = 100, windowMs = 60_000 }: Limits): Limiter {
  const failures = new Map<string, number[]>()
  const recent = (key: string): number[] => {
    const since = now().getTime() - windowMs
    const left = (failures.get(key) ?? []).filter((at) => at > since)
    if (left.length === 0) failures.delete(key)
    else failures.set(key, left)
    return left
  }
  const wait = (key: string, most: number): number => {
    const [oldest, ...rest] = recent(key).slice(-most)
    return oldest === undefined || rest.length + 1 < most ? 0 : Math.max(1, Math.ceil((oldest + windowMs - now().getTime()) / 1000))
  }
  const all = '*'
  return {
    waitSeconds: (key) => Math.max(wait(`key ${key}`, perKey), wait(all, overAll)),
    failed: (key) => {
      for (const one of [`key ${key}`, all]) failures.set(one, [...recent(one), now().getTime()])
    },
    succeeded: (key) => void failures.delete(`key ${key}`),
  }
}
