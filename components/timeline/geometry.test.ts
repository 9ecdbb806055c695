import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { bar, clusterImages, fullBefore, keepInside, keyStep, mergeLanes, momentAt, nearestReachable, neighbourImage, pan, parseWallClock, placeOf, point, reveal, shadedWindows, share, zoom, type Lane, type TimelineImage } from './geometry.ts'

const full = (id: string, beginAt: number, endAt: number): TimelineImage => ({ id, at: endAt, beginAt, endAt, level: 0, sizeBytes: 1 })
const incremental = (id: string, at: number, level = 1): TimelineImage => ({ id, at, beginAt: at, endAt: at, level, sizeBytes: 1 })
const gap = { from: 300, to: 400, segments: ['0000000100000003000000A1'] }
const lane: Lane = {
  timeline: 1,
  intervals: [{ from: 150, to: 300 }, { from: 450, to: 900 }],
  gaps: [gap],
  images: [full('a', 100, 150), incremental('b', 250), full('c', 420, 450), full('d', 600, 650)],
  drills: [],
}

describe('what a moment is', () => {
  test('inside an interval it can be reached, its ends included [K2]', () => {
    for (const at of [150, 200, 300, 450, 900]) expect(placeOf(at, lane)).toEqual({ kind: 'reachable' })
  })
  test('in a gap the missing segments are known [K2]', () => expect(placeOf(350, lane)).toEqual({ kind: 'gap', gap }))
  test('inside the window of a full it is not reachable from that full [K2]', () => {
    expect(placeOf(120, lane).kind).toBe('backup')
    expect(placeOf(430, lane).kind).toBe('backup')
  })
  test('the window of a later full is reachable from the chain before it', () => expect(placeOf(620, lane)).toEqual({ kind: 'reachable' }))
  test('before the first, after the last and in between are told apart', () => {
    expect(placeOf(50, lane)).toEqual({ kind: 'before', first: 150 })
    expect(placeOf(901, lane)).toEqual({ kind: 'after', last: 900 })
    expect(placeOf(410, lane)).toEqual({ kind: 'between' })
    expect(placeOf(50, { ...lane, intervals: [], gaps: [], images: [] })).toEqual({ kind: 'never' })
  })
  test('the nearest reachable moments lie at the ends of intervals [K2]', () => {
    expect(nearestReachable(350, lane)).toEqual({ before: 300, after: 450 })
    expect(nearestReachable(10, lane)).toEqual({ before: null, after: 150 })
    expect(nearestReachable(1000, lane)).toEqual({ before: 900, after: null })
    expect(nearestReachable(200, lane)).toEqual({ before: 200, after: 200 })
  })
  test('nearest moments agree with trying every moment', () => {
    const spans = fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 9 })), { maxLength: 5 })
    fc.assert(
      fc.property(spans, fc.integer({ min: 0, max: 70 }), (raw, at) => {
        const some: Lane = { ...lane, intervals: raw.map(([from, length]) => ({ from, to: from + length })), gaps: [], images: [] }
        const all = Array.from({ length: 80 }, (_, moment) => moment).filter((moment) => placeOf(moment, some).kind === 'reachable')
        const before = all.filter((moment) => moment <= at).at(-1) ?? null
        const after = all.find((moment) => moment >= at) ?? null
        expect(nearestReachable(at, some)).toEqual({ before, after })
      }),
    )
  })
  test('lanes drawn as one reach what any of them reaches', () => {
    const merged = mergeLanes([lane, { ...lane, timeline: 2, intervals: [{ from: 320, to: 360 }], gaps: [], images: [] }])
    expect(placeOf(350, merged).kind).toBe('reachable')
    expect(placeOf(380, merged).kind).toBe('gap')
    expect(merged.timeline).toBe(2)
  })
  test('only windows that no chain covers are shaded', () => expect(shadedWindows(lane).map((image) => image.id)).toEqual(['a', 'c']))
  test('the full before a moment is the newest complete one', () => {
    expect(fullBefore(640, lane)?.id).toBe('c')
    expect(fullBefore(650, lane)?.id).toBe('d')
    expect(fullBefore(100, lane)).toBeNull()
  })
  test('jumping goes from image to image', () => {
    expect(neighbourImage(200, lane, 1)).toBe(250)
    expect(neighbourImage(200, lane, -1)).toBe(150)
    expect(neighbourImage(650, lane, 1)).toBeNull()
  })
})

describe('the view', () => {
  const bounds = { begin: 0, end: 1_000_000 }
  test('zooming keeps the moment under the pointer in place', () => {
    const view = zoom(bounds, 0.5, 250_000, bounds)
    expect(share(250_000, view)).toBeCloseTo(0.25, 5)
    expect(view.end - view.begin).toBe(500_000)
  })
  test('whatever is zoomed and panned, the view stays inside its bounds and at least a second wide', () => {
    const moves = fc.array(fc.record({ factor: fc.double({ min: 0.01, max: 20, noNaN: true }), anchor: fc.integer({ min: 0, max: 1_000_000 }), by: fc.double({ min: -3, max: 3, noNaN: true }) }), { maxLength: 20 })
    fc.assert(
      fc.property(moves, (list) => {
        let view = bounds
        for (const move of list) view = pan(zoom(view, move.factor, move.anchor, bounds), move.by, bounds)
        expect(view.begin).toBeGreaterThanOrEqual(bounds.begin)
        expect(view.end).toBeLessThanOrEqual(bounds.end)
        expect(view.end - view.begin).toBeGreaterThanOrEqual(1000)
      }),
    )
  })
  test('place and moment are inverse', () => {
    const view = { begin: 1000, end: 9000 }
    for (const at of [1000, 2345, 9000]) expect(momentAt(share(at, view), view)).toBe(at)
  })
  test('a bar is cut at the view and nothing outside it is drawn', () => {
    const view = { begin: 100, end: 200 }
    expect(bar({ from: 50, to: 150 }, view)).toEqual({ left: 0, width: 50 })
    expect(bar({ from: 250, to: 300 }, view)).toBeNull()
    expect(point(250, view)).toBeNull()
    expect(point(150, view)).toBe(50)
  })
  test('a moment outside is brought to the middle, one inside moves nothing', () => {
    const view = { begin: 100_000, end: 200_000 }
    expect(reveal(150_000, view, bounds)).toBe(view)
    expect(reveal(500_000, view, bounds)).toEqual({ begin: 450_000, end: 550_000 })
    expect(reveal(0, view, bounds)).toEqual({ begin: 0, end: 100_000 })
  })
  test('a view wider than its bounds becomes the bounds', () => expect(keepInside({ begin: -5, end: 2_000_000 }, bounds)).toEqual(bounds))
  test('an arrow key moves by a round time of about a hundredth', () => {
    expect(keyStep({ begin: 0, end: 100_000 })).toBe(1000)
    expect(keyStep({ begin: 0, end: 3 * 86_400_000 })).toBe(3_600_000)
    expect(keyStep({ begin: 0, end: 10 * 365 * 86_400_000 })).toBe(7 * 86_400_000)
  })
})

describe('marks', () => {
  test('images too near to be told apart become one mark at the full among them', () => {
    const clusters = clusterImages([incremental('a', 10), full('b', 10, 12), incremental('c', 500)], { begin: 0, end: 1000 }, 100)
    expect(clusters.map((cluster) => [cluster.at, cluster.level, cluster.images.length])).toEqual([[12, 0, 2], [500, 1, 1]])
  })
  test('no image of the view is lost, however narrow it is drawn', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1000 })), fc.integer({ min: 1, max: 2000 }), (ats, width) => {
        const clusters = clusterImages(ats.map((at, index) => incremental(String(index), at)), { begin: 100, end: 900 }, width)
        expect(clusters.flatMap((cluster) => cluster.images)).toHaveLength(ats.filter((at) => at >= 100 && at <= 900).length)
      }),
    )
  })
})

describe('a typed time', () => {
  test.each([['2026-11-18 14:03:22', Date.UTC(2026, 10, 18, 14, 3, 22)], ['2026-11-18T14:03', Date.UTC(2026, 10, 18, 14, 3)], [' 2026-11-18 ', Date.UTC(2026, 10, 18)]])('%s is understood', (text, wall) => expect(parseWallClock(text)).toBe(wall))
  test.each(['', 'yesterday', '2026-02-30', '2026-13-01', '2026-11-18 24:00', '18.11.2026'])('"%s" is refused', (text) => expect(parseWallClock(text)).toBeNull())
})
