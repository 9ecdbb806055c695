/** The sign of the console: a howdah, the canopied seat on an elephant's back. */

/** Drawn in the colour around it. */
export function HowdahMark({ size = 20 }: { size?: number }) {
  return (
    <svg viewBox="0 0 20 20" width={size} height={size} aria-hidden fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round">
      <path d="M10 1.6v1.2M2.6 8.2C3 5 6 2.9 10 2.9s7 2.1 7.400 5.300z" />
      <path d="M5 8.400v4.200M15 8.400v4.200M3.200 12.600h13.600" />
      <path d="M2 18.200c1.200-2.300 4.200-3.400 8-3.400s6.800 1.100 8 3.400" />
    </svg>
  )
}
