/** The catalog as lib/services sees it: the functions of this room bound to one connection, by noun. */
import * as audit from './audit.ts'
import { catalogProblem } from './catalog-problem.ts'
import type { Db, Tx } from './client.ts'
import * as drills from './drills.ts'
import * as extracts from './extracts.ts'
import * as facts from './facts.ts'
import * as hosts from './hosts.ts'
import * as imageLists from './image-lists.ts'
import * as keys from './keys.ts'
import * as overview from './overview.ts'
import * as preferences from './preferences.ts'
import * as recoveries from './recoveries.ts'
import * as runGroups from './run-groups.ts'
import * as runLists from './run-lists.ts'
import * as sets from './sets.ts'
import * as settings from './settings.ts'
import * as sources from './sources.ts'
import * as storages from './storages.ts'
import * as users from './users.ts'

const nouns = { audit, drills, extracts, facts, hosts, images: imageLists, keys, overview, preferences, recoveries, runGroups, runs: runLists, sets, settings, sources, storages, users } as const

type Query = (db: Tx, ...rest: never[]) => unknown
type Bound<M> = { [K in keyof M as M[K] extends Query ? K : never]: M[K] extends (db: Tx, ...rest: infer A) => infer R ? (...rest: A) => R : never }
type Nouns = { [N in keyof typeof nouns]: Bound<(typeof nouns)[N]> }

export interface Catalog extends Nouns {
  /** All or nothing. Inside a transaction it joins that one. */
  transaction: <T>(work: (catalog: Catalog) => Promise<T>) => Promise<T>
}

const bind = <M extends object>(module: M, tx: Tx): Bound<M> =>
  Object.fromEntries(Object.entries(module).map(([name, query]: [string, unknown]) => [name, typeof query === 'function' ? (...rest: unknown[]): unknown => asProblem(Reflect.apply(query, undefined, [tx, ...rest])) : query])) as Bound<M>

function boundTo(tx: Tx, transaction: Catalog['transaction']): Catalog {
  return { ...(Object.fromEntries(Object.entries(nouns).map(([noun, module]) => [noun, bind(module, tx)])) as unknown as Nouns), transaction }
}

/** What Prisma throws becomes a Problem where a person can do something about it. */
const asProblem = (answer: unknown): unknown =>
  answer instanceof Promise
    ? answer.catch((error: unknown) => {
        throw catalogProblem(error)
      })
    : answer

export function catalogOf(db: Db): Catalog {
  const transaction: Catalog['transaction'] = async (work) => {
    try {
      return await db.$transaction((tx) => {
        const inside: Catalog = boundTo(tx, (more) => more(inside))
        return work(inside)
      })
    } catch (error) {
      throw catalogProblem(error)
    }
  }
  return boundTo(db, transaction)
}
