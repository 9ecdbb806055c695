'use client'
/** Short messages about something the person just did; read out politely, never the only place where a failure is shown. */
import { Toast } from 'radix-ui'
import { X } from 'lucide-react'
import { createContext, useCallback, useContext, useMemo, useRef, useState, type ReactNode } from 'react'
import { StateShape } from './state-mark.tsx'
import type { State } from './state.ts'

export type ToastMessage = {
  title: string
  detail?: string | undefined
  state?: State | undefined
  /** A way on or back, such as "Undo" or "Open run". */
  action?: { label: string; onSelect: () => void } | undefined
}

const ToastContext = createContext<((message: ToastMessage) => void) | null>(null)

/** Returns `toast({ title, detail, state, action })`. */
export function useToast(): (message: ToastMessage) => void {
  const toast = useContext(ToastContext)
  if (!toast) throw new Error('useToast needs <UiProvider> around it')
  return toast
}

const shownMs = { ok: 5000, other: 10_000 } as const

/** Holds the messages; part of UiProvider. */
export function ToastProvider({ children }: { children: ReactNode }) {
  const [messages, setMessages] = useState<readonly (ToastMessage & { id: number })[]>([])
  const nextId = useRef(1)
  const toast = useCallback((message: ToastMessage) => {
    const id = nextId.current
    nextId.current += 1
    setMessages((before) => [...before.slice(-3), { ...message, id }])
  }, [])
  const remove = useCallback((id: number) => setMessages((before) => before.filter((message) => message.id !== id)), [])
  const value = useMemo(() => toast, [toast])
  return (
    <ToastContext value={value}>
      <Toast.Provider swipeDirection="right" label="Message">
        {children}
        {messages.map((message) => (
          <Toast.Root
            key={message.id}
            duration={message.state === undefined || message.state === 'ok' ? shownMs.ok : shownMs.other}
            onOpenChange={(open) => !open && remove(message.id)}
            className="grid grid-cols-[auto_1fr_auto] items-start gap-x-2.5 rounded-lg bg-raised p-3 shadow-pop data-[state=open]:animate-appear"
          >
            <span className="pt-1">{message.state && <StateShape state={message.state} />}</span>
            <div className="min-w-0">
              <Toast.Title className="font-medium">{message.title}</Toast.Title>
              {message.detail && <Toast.Description className="mt-0.5 text-muted [overflow-wrap:anywhere]">{message.detail}</Toast.Description>}
              {message.action && (
                <Toast.Action
                  altText={message.action.label}
                  onClick={message.action.onSelect}
                  className="mt-1.5 font-medium text-accent hover:underline"
                >
                  {message.action.label}
                </Toast.Action>
              )}
            </div>
            <Toast.Close aria-label="Dismiss" className="rounded-sm p-1 text-faint hover:bg-hover hover:text-ink">
              <X size={14} aria-hidden />
            </Toast.Close>
          </Toast.Root>
        ))}
        <Toast.Viewport className="fixed right-4 bottom-4 z-50 flex w-[min(24rem,calc(100vw-2rem))] flex-col gap-2 outline-none" />
      </Toast.Provider>
    </ToastContext>
  )
}
