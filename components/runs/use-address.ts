'use client'
/** The query of the page's address: read, and changed in place, so that what is shown can be linked and survives a reload. */
import { usePathname, useRouter, useSearchParams } from 'next/navigation'
import { useCallback, useMemo } from 'react'

/** Null or empty takes a parameter away. */
export type AddressChange = Readonly<Record<string, string | null | undefined>>

export interface Address {
  get: (name: string) => string | null
  /** The address of a page with the parameters of this one, changed; by default of this page. */
  href: (change: AddressChange, path?: string) => string
  /** Changes this page's address without a new entry in the history. */
  change: (change: AddressChange) => void
}

export function withQuery(path: string, query: URLSearchParams, change: AddressChange): string {
  const next = new URLSearchParams(query)
  for (const [name, value] of Object.entries(change)) {
    if (value === null || value === undefined || value === '') next.delete(name)
    else next.set(name, value)
  }
  const text = next.toString()
  return text === '' ? path : `${path}?${text}`
}

export function useAddress(): Address {
  const router = useRouter()
  const here = usePathname()
  const search = useSearchParams().toString()
  const href = useCallback((change: AddressChange, path = here) => withQuery(path, new URLSearchParams(search), change), [here, search])
  const change = useCallback((wanted: AddressChange) => router.replace(href(wanted), { scroll: false }), [router, href])
  return useMemo(() => ({ get: (name) => new URLSearchParams(search).get(name), href, change }), [search, href, change])
}
