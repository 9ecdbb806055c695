'use client'
/** Starts the verification of images, one run each, after saying how much is read. What was started stays started when a later one is refused. */
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Button } from '#components/ui/button.tsx'
import { Dialog } from '#components/ui/dialog.tsx'
import { formatBytes, formatPlural } from '#components/ui/format.ts'
import { ProblemNotice } from '#components/ui/problem-notice.tsx'
import { useToast } from '#components/ui/toast.tsx'
import { client } from '#lib/client/api.ts'
import { useInvalidate } from '#lib/client/invalidate.ts'
import { problemOf } from '#lib/client/problem.ts'
import type { IntegrityRow } from './integrity.ts'

export function VerifyDialog({ images, onClose }: { images: readonly IntegrityRow[]; onClose: () => void }) {
  const [left, setLeft] = useState(images)
  const invalidate = useInvalidate()
  const toast = useToast()
  const start = useMutation({
    mutationFn: async () => {
      for (const [index, image] of left.entries()) {
        // One after the other, so that a refusal names the image it is about.
        await client.image.verify({ id: image.imageId })
        setLeft(left.slice(index + 1))
      }
    },
    onSuccess: () => {
      toast({ title: `${formatPlural(images.length, 'verification')} started`, state: 'running' })
      onClose()
    },
    onSettled: () => invalidate('report', 'run', 'overview', 'image'),
  })
  const problem = problemOf(start.error)
  const [next] = left
  const bytes = left.reduce((sum, image) => sum + image.storedBytes, 0)
  const verb = `Verify ${formatPlural(left.length, 'image')}`
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      size="sm"
      title={images.length === 1 && next ? `Verify this image of ${next.sourceName}?` : `Verify ${formatPlural(images.length, 'image')}?`}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" loading={start.isPending} onClick={() => start.mutate()}>
            {problem === null ? verb : 'Try again'}
          </Button>
        </>
      }
    >
      <div className="space-y-3 pb-2">
        <p>Reads {formatBytes(bytes)} back from storage and compares the digest of every volume, file and WAL segment. Nothing is changed; each image is a run of its own.</p>
        {left.length < images.length && <p className="text-muted">{formatPlural(images.length - left.length, 'verification')} of {images.length} started.</p>}
        {problem !== null && <ProblemNotice problem={next === undefined ? problem : { ...problem, message: `${next.sourceName}: ${problem.message}` }} live />}
      </div>
    </Dialog>
  )
}
