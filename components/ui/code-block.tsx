'use client'
/** Commands, SQL and files as they are, with a button that copies them. */
import { Check, Copy } from 'lucide-react'
import { useEffect, useState } from 'react'
import { IconButton } from './button.tsx'
import { cx } from './cx.ts'

/** Copies a text and says for two seconds that it did, or that the browser refused. */
export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [result, setResult] = useState<'copied' | 'refused' | null>(null)
  useEffect(() => {
    if (result === null) return
    const timer = setTimeout(() => setResult(null), 2000)
    return () => clearTimeout(timer)
  }, [result])
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setResult('copied')
    } catch {
      // The clipboard exists only on https and localhost, and only with the person's leave.
      setResult('refused')
    }
  }
  const said = { copied: 'Copied', refused: 'The browser refused; select the text and press Ctrl C' } as const
  return (
    <>
      <IconButton size="sm" label={result === null ? label : said[result]} icon={result === 'copied' ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />} onClick={() => void copy()} />
      <span role="status" className="sr-only">
        {result === null ? '' : said[result]}
      </span>
    </>
  )
}

export type CodeBlockProps = {
  code: string
  /** What it is and where it belongs: "On db-01, as postgres". */
  title?: string | undefined
  /** Breaks long lines instead of scrolling sideways. */
  wrap?: boolean
}

/** Text to be copied and run or pasted elsewhere. */
export function CodeBlock({ code, title, wrap = false }: CodeBlockProps) {
  return (
    <figure className="relative min-w-0 rounded-md border border-line bg-sunken">
      {title !== undefined && <figcaption className="border-b border-line px-3 py-1.5 pr-10 text-xs text-muted">{title}</figcaption>}
      <div className="absolute top-0.5 right-0.5 rounded-md bg-sunken">
        <CopyButton text={code} />
      </div>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a box that scrolls must be reachable by keyboard */}
      <pre tabIndex={0} className={cx('overflow-x-auto rounded-md py-2 pr-10 pl-3 text-xs leading-5 -outline-offset-2', wrap && '[overflow-wrap:anywhere] whitespace-pre-wrap')}>
        <code>{code}</code>
      </pre>
    </figure>
  )
}

/** A short name or path in running text that can be copied. */
export function CopyText({ text, label }: { text: string; label?: string }) {
  return (
    <span className="inline-flex min-w-0 items-center gap-0.5">
      <code className="truncate text-xs">{text}</code>
      <CopyButton text={text} label={label ?? `Copy ${text}`} />
    </span>
  )
}
