'use client'
/** Following a run from its beginning: the run each second, its events as they come, and what it changed once it ended. */
import { useQuery, type UseQueryResult } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { api, client } from '#lib/client/api.ts'
import { useInvalidate, type OperationName } from '#lib/client/invalidate.ts'
import type { RunDetail } from '#lib/contract/shapes.ts'
import { isEnded, type RunKind } from '#lib/domain/run.ts'
import { emptyTail, withEvents, type RunTail } from './run-tail.ts'

/** What reads otherwise once a run of the kind has ended. */
const changedBy = {
  trust: ['host', 'overview'], deploy: ['host', 'overview', 'source'], describe: ['host', 'overview'], undeploy: ['host', 'overview', 'source'],
  check: ['source', 'set', 'overview'], fix: ['source', 'set', 'overview'], estimate: ['source'], backup: ['image', 'source', 'set', 'storage', 'restore', 'report', 'overview'], 'collect-wal': ['source', 'restore', 'storage', 'overview'],
  verify: ['image', 'report', 'restore', 'overview'], restore: ['overview'], recover: ['recovery', 'source', 'restore', 'overview'], undo: ['recovery', 'source', 'restore', 'overview'], release: ['recovery'], drill: ['drill', 'overview'], extract: ['extract'], load: ['extract'], expire: ['image', 'set', 'source', 'storage', 'restore', 'report', 'overview'], 'test-storage': ['storage', 'set', 'overview'], adopt: ['storage', 'set', 'source', 'host', 'image', 'restore', 'report', 'overview'], inspect: [], 'find-moment': [],
} as const satisfies Record<RunKind, readonly OperationName[]>

const pageOfEvents = 2000

/** The run, read each second until it ended. */
export function useRun(id: string): UseQueryResult<RunDetail> {
  return useQuery(api.run.get.queryOptions({ input: { id }, refetchInterval: ({ state }) => (state.data !== undefined && isEnded(state.data.state) ? false : 1000) }))
}

/** Its events from the first one; only what is new is asked for. */
export function useRunTail(id: string): UseQueryResult<RunTail> {
  const key = [...api.run.events.key({ input: { id } }), 'tail']
  return useQuery({
    queryKey: key,
    queryFn: async ({ client: queries, signal }): Promise<RunTail> => {
      let tail = queries.getQueryData<RunTail>(key) ?? emptyTail
      for (;;) {
        const { events, ended } = await client.run.events({ id, after: tail.seq, limit: pageOfEvents }, { signal })
        tail = withEvents(tail, events, ended)
        if (events.length < pageOfEvents) return tail
      }
    },
    refetchInterval: ({ state }) => (state.data?.ended === true ? false : 1000),
    structuralSharing: false,
  })
}

/** Reads again what the run changed, and tells the caller, once for each run that was seen to have ended. */
export function useRunEnd(run: Pick<RunDetail, 'id' | 'kind' | 'state'> | undefined, onEnded?: () => void): void {
  const invalidate = useInvalidate()
  const told = useRef<string | null>(null)
  useEffect(() => {
    if (run === undefined || !isEnded(run.state) || told.current === run.id) return
    told.current = run.id
    void invalidate('run.list', 'run.group', ...changedBy[run.kind])
    onEnded?.()
  }, [run, invalidate, onEnded])
}
