/** The part of a timeline that is in sight, its width on the screen, and the wheel that zooms it. */
import { useCallback, useEffect, useRef, useState, type RefObject } from 'react'
import { keepInside, momentAt, pan, zoom, type View } from './geometry.ts'

/** Width of an element in px, measured again when it changes; `initial` until it is known. */
export function useWidth(element: RefObject<HTMLElement | null>, initial: number): number {
  const [width, setWidth] = useState(initial)
  useEffect(() => {
    const node = element.current
    if (!node) return
    const observer = new ResizeObserver(() => setWidth(node.clientWidth))
    observer.observe(node)
    return () => observer.disconnect()
  }, [element])
  return width
}

export type ViewControl = { view: View; isWhole: boolean; change: (next: (view: View) => View) => void; showAll: () => void }

/** Shows all at first; stays where it is while the bounds grow with the present, unless all was shown. */
export function useView(bounds: View): ViewControl {
  const [chosen, setChosen] = useState<View | null>(null)
  const { begin, end } = bounds
  const change = useCallback(
    (next: (view: View) => View) =>
      setChosen((before) => {
        const after = next(before ?? { begin, end })
        return after.begin <= begin && after.end >= end ? null : after
      }),
    [begin, end],
  )
  return { view: chosen ? keepInside(chosen, bounds) : bounds, isWhole: chosen === null, change, showAll: useCallback(() => setChosen(null), []) }
}

/** The wheel zooms at the pointer, sideways it pans; only with Ctrl or while the timeline has the focus, so that the page still scrolls. */
export function useWheel(element: RefObject<HTMLElement | null>, bounds: View, change: ViewControl['change']): void {
  const latest = useRef(bounds)
  useEffect(() => {
    latest.current = bounds
  }, [bounds])
  useEffect(() => {
    const node = element.current
    if (!node) return
    const turn = (event: WheelEvent) => {
      if (!event.ctrlKey && !node.contains(document.activeElement)) return
      event.preventDefault()
      const box = node.getBoundingClientRect()
      const place = (event.clientX - box.left) / box.width
      change((view) => (Math.abs(event.deltaX) > Math.abs(event.deltaY) ? pan(view, event.deltaX / box.width, latest.current) : zoom(view, Math.exp(event.deltaY / 400), momentAt(place, view), latest.current)))
    }
    // React's own wheel listener is passive and could not keep the page from scrolling.
    node.addEventListener('wheel', turn, { passive: false })
    return () => node.removeEventListener('wheel', turn)
  }, [element, change])
}
