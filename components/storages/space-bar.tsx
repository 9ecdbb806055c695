/** The space of a device as one bar: by us, by others, free, and the part that is to stay free. */
import { formatBytes } from '#components/ui/format.ts'
import { roomBytes, spaceText, type SpaceLike } from './storage-state.ts'

/** Nothing is drawn before the device was measured. */
export function SpaceBar({ storage, compact = false }: { storage: SpaceLike; compact?: boolean }) {
  const { totalBytes, freeBytes, usedBytes, keepFreeBytes } = storage
  if (totalBytes === null || freeBytes === null || totalBytes === 0) return <span className="text-muted">{`${spaceText(storage)}${!compact && storage.state === 'ok' ? `; backups here take ${formatBytes(usedBytes)}` : ''}`}</span>
  const share = (bytes: number) => (Math.max(0, bytes) / totalBytes) * 100
  const ours = share(Math.min(usedBytes, totalBytes - freeBytes))
  const others = share(totalBytes - freeBytes) - ours
  const room = roomBytes(storage) ?? 0
  return (
    <div className="min-w-32">
      <svg viewBox="0 0 100 1" preserveAspectRatio="none" role="img" aria-label={`${spaceText(storage)}; backups here take ${formatBytes(usedBytes)}`} className="h-1.5 w-full overflow-hidden rounded-full bg-pressed">
        <rect x="0" width={ours} height="1" className="fill-accent-solid" />
        <rect x={ours} width={others} height="1" className="fill-edge" />
        {keepFreeBytes > 0 && <rect x={Math.max(0, 100 - share(keepFreeBytes))} width={Math.min(100, share(keepFreeBytes))} height="1" className="fill-strange" opacity="0.55" />}
      </svg>
      <p className="mt-1 text-xs text-muted">{spaceText(storage)}</p>
      {!compact && (
        <p className="text-xs text-faint">
          Backups here take {formatBytes(usedBytes)}; they may take {formatBytes(room)} more
          {keepFreeBytes > 0 && `, ${formatBytes(keepFreeBytes)} stay free`}
          {storage.quotaBytes !== null && `, quota ${formatBytes(storage.quotaBytes)}`}.
        </p>
      )}
    </div>
  )
}
