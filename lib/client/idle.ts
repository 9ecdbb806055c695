/** How long the person at this page has touched nothing, so that pages which refresh themselves do not keep a session alive. */
const touches = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const

let touchedAt = Date.now()

if (typeof window !== 'undefined') {
  for (const touch of touches) window.addEventListener(touch, () => (touchedAt = Date.now()), { passive: true, capture: true })
}

export const idleSeconds = (): number => Math.floor((Date.now() - touchedAt) / 1000)
