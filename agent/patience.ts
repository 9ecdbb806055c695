// How long to wait until looking again for what somebody else writes.
const LEAST_MS = 2
const MOST_MS = 30

/** A twentieth of what was waited so far: what comes soon is seen at once, and a long wait costs next to nothing. */
export function patience(): () => Promise<void> {
  const begin = performance.now()
  return () => new Promise((resolve) => setTimeout(resolve, Math.min(MOST_MS, Math.max(LEAST_MS, (performance.now() - begin) / 20))))
}
