// Stops a run at a step of its own for as long as a test wants: after a line of the agent's journal, or before a write of the worker into the catalog becomes durable.
import { chmod, copyFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import * as z from 'zod'

/** The `occurrence`th step of this label in a run, counted from 1. Numbers in labels are left out, so that two runs have the same steps. */
export interface Step { label: string; occurrence: number }

export interface Holds extends AsyncDisposable {
  /** Forgets what was seen and armed. */
  clear(): Promise<void>
  /** Steps seen since `clear`, in their order. */
  seen(): Promise<Step[]>
  /** The next run stops there. */
  arm(step: Step): Promise<void>
  /** Whether a run stands at the armed step. */
  isHeld(): Promise<boolean>
  /** Lets go on what lives; `isLost` takes back what it was doing, because its process is dead. */
  release(isLost?: boolean): Promise<void>
}

const numbered = (labels: readonly string[]): Step[] => labels.map((label, index) => ({ label, occurrence: labels.slice(0, index + 1).filter((one) => one === label).length }))

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )

export interface AgentHolds extends Holds {
  /** For the environment in which the agent is started. */
  environment: Record<string, string>
  /** Process of the run that is held. */
  pid(): Promise<number>
}

/** Works on any host that shares this machine's file system, without a word in the agent. */
export async function agentHolds(): Promise<AgentHolds> {
  const folder = await mkdtemp(join(tmpdir(), 'howdah-holds-'))
  await chmod(folder, 0o777)
  const inside = (name: string): string => join(folder, name)
  // Where the account of any agent may read it, whoever's the tree of the tests is.
  await copyFile(join(import.meta.dirname, 'hold-agent.mjs'), inside('hold-agent.mjs'))
  await chmod(inside('hold-agent.mjs'), 0o644)
  return {
    environment: { NODE_OPTIONS: `--import=${inside('hold-agent.mjs')}`, HOWDAH_TEST_HOLDS: folder },
    async clear() {
      for (const name of ['held', 'armed', 'taken', 'steps']) await rm(inside(name), { force: true })
    },
    async seen() {
      const text = (await isThere(inside('steps'))) ? await readFile(inside('steps'), 'utf8') : ''
      return numbered(text.split('\n').filter((line) => line !== '').map((line) => z.string().parse(JSON.parse(line))))
    },
    arm: (step) => writeFile(inside('armed'), JSON.stringify(step)),
    isHeld: () => isThere(inside('held')),
    pid: async () => Number(await readFile(inside('held'), 'utf8')),
    release: () => rm(inside('held'), { force: true }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Numbers of the advisory lock at which a held transaction waits. */
const LOCK = [26_000, 1] as const
/** Signs of life, and the begin of a run by whoever starts it, are no step of it. */
const NOT_OF_RUNS = ['Worker', 'Host', 'Storage', 'RunGroup', '_prisma_migrations']

const TRIGGER = `
  create table fault_log (n bigserial primary key, label text not null);
  create table fault_arm (label text not null, occurrence int not null);
  create function fault_step() returns trigger language plpgsql as $$
  declare what text;
  begin
    if tg_table_name = 'RunEvent' then
      if tg_op <> 'INSERT' then return null; end if;
      if new.body->>'kind' = 'progress' then return null; end if;
      what := (new.body->>'kind') || ' ' || coalesce(new.body->>'phase', new.body->>'name', new.body->>'outcome', new.body->>'text', new.body->>'reason', '');
    elsif tg_table_name = 'Run' then
      if tg_op <> 'UPDATE' then return null; end if;
      if new.state = old.state then return null; end if;
      what := 'run ' || new.state::text;
    else
      what := tg_table_name || ' ' || lower(tg_op);
    end if;
    what := regexp_replace(regexp_replace(what, '[0-9A-F]{24}|[0-9a-f]{8}-[0-9a-f-]{27}|\\y[0-9A-F]+/[0-9A-F]+\\y', 'N', 'g'), '[0-9]+', '#', 'g');
    insert into fault_log (label) values (what);
    if exists (select from fault_arm a where a.label = what and a.occurrence = (select count(*) from fault_log l where l.label = what)) then
      perform pg_advisory_xact_lock(${LOCK[0]}, ${LOCK[1]});
    end if;
    return null;
  end $$;`

/** Every write of a run into any table of the catalog is a step; the one that is armed waits inside of its transaction. */
export async function catalogHolds(databaseUrl: string): Promise<Holds> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query(TRIGGER)
  const { rows } = await client.query<{ name: string }>(`select relname as name from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace and relname !~ '^fault_' and relname <> all($1)`, [NOT_OF_RUNS])
  for (const { name } of rows) await client.query(`create trigger fault after insert or update or delete on "${name}" for each row execute function fault_step()`)
  const waiting = `select pid from pg_locks where locktype = 'advisory' and classid = ${LOCK[0]} and objid = ${LOCK[1]} and not granted and database = (select oid from pg_database where datname = current_database())`
  let isLocked = false
  const unlock = async (): Promise<void> => {
    if (isLocked) await client.query('select pg_advisory_unlock($1, $2)', [...LOCK])
    isLocked = false
  }
  return {
    async clear() {
      await unlock()
      await client.query('truncate fault_log, fault_arm')
    },
    async seen() {
      const { rows: labels } = await client.query<{ label: string }>('select label from fault_log order by n')
      return numbered(labels.map(({ label }) => label))
    },
    async arm({ label, occurrence }) {
      await client.query('select pg_advisory_lock($1, $2)', [...LOCK])
      isLocked = true
      await client.query('insert into fault_arm values ($1, $2)', [label, occurrence])
    },
    isHeld: async () => ((await client.query(waiting)).rowCount ?? 0) > 0,
    async release(isLost = false) {
      await client.query('delete from fault_arm')
      if (isLost) await client.query(`select pg_terminate_backend(pid) from (${waiting}) held`)
      await unlock()
    },
    [Symbol.asyncDispose]: () => client.end(),
  }
}
