/** The sign of the console: a howdah, the canopied seat on an elephant's back. */

/** Drawn in the colour around it. */
export function HowdahMark({ size = 20 }: { size?: number }) {
  return (
    <svg viewBox="0 0 20 20" width={size} height={size} aria-hidden fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round">
      <path d="M10 1.6v1.2M2.6 8.2C3 5 6 2.9 10 2.9s7 2.1 7.4 5.3z" />
      <path d="M5 8.4v4.2M15 8.4v4.2M3.2 12.6h13.6" />
      <path d="M2 18.2c1.2-2.3 4.2-3.4 8-3.4s6.8 1.1 8 3.4" />
    </svg>
  )
}
