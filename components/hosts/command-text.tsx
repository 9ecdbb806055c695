'use client'
/** A command to be typed elsewhere, with a button that copies it. */
import { Check, Copy } from 'lucide-react'
import { useState } from 'react'
import { IconButton } from '#components/ui/button.tsx'

/** One line of shell. */
export function CommandText({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    setCopied(true)
  }
  return (
    <div className="mt-1.5 flex items-start gap-1 rounded-md border border-line bg-surface py-0.5 pr-0.5 pl-2">
      <code className="min-w-0 grow py-1 text-xs select-all [overflow-wrap:anywhere]">{text}</code>
      <IconButton size="sm" label={copied ? 'Copied' : `Copy ${label}`} icon={copied ? <Check size={13} aria-hidden /> : <Copy size={13} aria-hidden />} onClick={() => void copy()} />
    </div>
  )
}
