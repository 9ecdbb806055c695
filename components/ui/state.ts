/** Every state the console can show: one word, one shape, one colour. Nothing is green by default; what is not known is `unknown`. */
export const states = {
  ok: { word: 'OK', shape: 'disc', text: 'text-ok', tint: 'bg-ok-tint', fill: 'bg-ok' },
  strange: { word: 'Strange', shape: 'half', text: 'text-strange', tint: 'bg-strange-tint', fill: 'bg-strange' },
  failed: { word: 'Failed', shape: 'cross', text: 'text-failed', tint: 'bg-failed-tint', fill: 'bg-failed' },
  running: { word: 'Running', shape: 'play', text: 'text-running', tint: 'bg-running-tint', fill: 'bg-running' },
  queued: { word: 'Queued', shape: 'ring', text: 'text-unknown', tint: 'bg-unknown-tint', fill: 'bg-unknown' },
  cancelled: { word: 'Cancelled', shape: 'slash', text: 'text-unknown', tint: 'bg-unknown-tint', fill: 'bg-unknown' },
  unknown: { word: 'Unknown', shape: 'question', text: 'text-unknown', tint: 'bg-unknown-tint', fill: 'bg-unknown' },
} as const satisfies Record<string, { word: string; shape: string; text: string; tint: string; fill: string }>

export type State = keyof typeof states
export type Shape = (typeof states)[State]['shape']
export const stateNames: readonly State[] = ['ok', 'strange', 'failed', 'running', 'queued', 'cancelled', 'unknown']
