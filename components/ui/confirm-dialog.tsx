'use client'
/** The one question before something that cannot simply be taken back: it states the consequence in numbers. */
import { useState, type ReactNode } from 'react'
import { Button } from './button.tsx'
import { Dialog } from './dialog.tsx'
import { ProblemNotice, type ProblemLike } from './problem-notice.tsx'
import { TextField } from './text-field.tsx'

export type ConfirmDialogProps = {
  open: boolean
  onOpenChange: (open: boolean) => void
  /** A question with its object: "Delete 3 images of shop-db?" */
  title: string
  /** What will be so afterwards, in numbers, one line each. */
  consequences: readonly ReactNode[]
  /** The verb: "Delete 3 images". */
  confirmLabel: string
  danger?: boolean
  /** The loud path: this text must be typed before the button works. */
  typed?: { expected: string; label: string } | undefined
  /** Closes the dialog itself when done; rejections are the caller's, shown through `problem`. */
  onConfirm: () => void
  pending?: boolean
  problem?: ProblemLike | undefined
  children?: ReactNode
}

/** Asks once, in numbers, with an optional typed confirmation. */
export function ConfirmDialog({ open, onOpenChange, title, consequences, confirmLabel, danger = false, typed, onConfirm, pending = false, problem, children }: ConfirmDialogProps) {
  const [text, setText] = useState('')
  const blocked = typed !== undefined && text.trim() !== typed.expected
  const change = (next: boolean) => {
    if (!next) setText('')
    onOpenChange(next)
  }
  return (
    <Dialog
      open={open}
      onOpenChange={change}
      size="sm"
      title={title}
      footer={
        <>
          <Button onClick={() => change(false)}>Keep as it is</Button>
          <Button variant={danger ? 'danger' : 'primary'} loading={pending} disabledReason={blocked ? `Type ${typed.expected} first` : undefined} onClick={onConfirm}>
            {confirmLabel}
          </Button>
        </>
      }
    >
      <ul className="space-y-1.5">
        {consequences.map((consequence, index) => (
          <li key={index} className="grid grid-cols-[auto_1fr] gap-x-2">
            <span aria-hidden className="text-faint">
              –
            </span>
            <span>{consequence}</span>
          </li>
        ))}
      </ul>
      {children}
      {typed && (
        <div className="mt-4">
          <TextField label={typed.label} help={<>Type <code className="text-xs text-ink">{typed.expected}</code> to confirm.</>} value={text} onChange={(event) => setText(event.target.value)} autoComplete="off" spellCheck={false} mono />
        </div>
      )}
      {problem && (
        <div className="mt-4">
          <ProblemNotice problem={problem} live />
        </div>
      )}
    </Dialog>
  )
}
