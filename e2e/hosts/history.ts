// Things that happen to a database between backups: everything a changed-block backup must not be fooled by, and what its content is.
import { chown, mkdir } from 'node:fs/promises'
import { asServerUser, type Cluster, type RunningServer, serverFolder } from './cluster.ts'

/** Tables, indexes, a tablespace, a database of its own: about 20 MB. */
export async function beginHistory(cluster: Cluster): Promise<{ tablespace: string }> {
  const tablespace = await serverFolder('space')
  await mkdir(tablespace, { recursive: true })
  const { uid, gid } = await asServerUser()
  if (uid !== undefined && gid !== undefined) await chown(tablespace, uid, gid)
  await cluster.sql(`create tablespace side location '${tablespace}'`)
  await cluster.sql(`create table account (id int primary key, balance int not null, note text);
    insert into account select i, 0, repeat(md5(i::text), 3) from generate_series(1, 60000) i;
    create table aside (id int, note text) tablespace side; insert into aside select i, md5(i::text) from generate_series(1, 20000) i;
    create table shrinking (id int, note text); insert into shrinking select i, repeat('x', 500) from generate_series(1, 8000) i;
    create table rewritten (id int primary key, note text); insert into rewritten select i, md5(i::text) from generate_series(1, 9000) i;
    create table dropped as select g from generate_series(1, 5000) g;
    create table emptied as select g from generate_series(1, 5000) g;
    create unlogged table fleeting as select g from generate_series(1, 5000) g;
    create sequence counting; select nextval('counting')`)
  await cluster.sql('create database other')
  await cluster.sql('create table far as select g from generate_series(1, 3000) g', { database: 'other' })
  await cluster.sql('create database doomed')
  return { tablespace }
}

/** Each step is another kind of change; they may be taken in any number and repeat. */
export const steps: ((cluster: Cluster, round: number) => Promise<unknown>)[] = [
  (cluster, round) => cluster.sql(`update account set balance = balance + ${round} where id % 997 = ${round % 997}; select nextval('counting')`),
  (cluster, round) => cluster.sql(`delete from shrinking where id > ${Math.max(100, 8000 - round * 2500)}`).then(() => cluster.sql('vacuum shrinking')),
  (cluster, round) => cluster.sql(`insert into shrinking select i, repeat('y', 500) from generate_series(1, ${round * 300}) i`),
  (cluster, round) => cluster.sql(`truncate emptied; insert into emptied select g from generate_series(1, ${200 * round}) g`),
  (cluster) => cluster.sql('vacuum full rewritten'),
  (cluster, round) => cluster.sql(`create table born_${round} as select g, md5(g::text) from generate_series(1, 2000) g; create index on born_${round} (g)`),
  (cluster, round) => cluster.sql(`drop table if exists dropped; insert into aside select i, 'round ${round}' from generate_series(1, 500) i`),
  (cluster, round) => cluster.sql(`create database made_${round}`).then(() => cluster.sql(`create table inside as select ${round} as round, g from generate_series(1, 1000) g`, { database: `made_${round}` })),
  (cluster, round) => cluster.sql('drop database if exists doomed').then(() => cluster.sql(`insert into far select -${round}`, { database: 'other' })),
  (cluster) => cluster.sql('alter table rewritten set tablespace side').then(() => cluster.sql('alter table rewritten set tablespace pg_default')),
  (cluster) => cluster.sql('create index if not exists account_note on account (note)').then(() => cluster.sql('reindex index account_pkey')),
]

/** Every table of every database with its rows as one digest; the server reads every page for it, so a wrong checksum shows too. */
export async function contentOf(server: Pick<RunningServer, 'sql'>): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  const databases = await server.sql<{ datname: string }>('select datname from pg_database where datallowconn order by 1')
  for (const { datname: database } of databases) {
    const tables = await server.sql<{ name: string }>(`select quote_ident(nspname) || '.' || quote_ident(relname) as name from pg_class c join pg_namespace n on n.oid = relnamespace where relkind = 'r' and relpersistence = 'p' and nspname !~ '^pg_|^information_schema' order by 1`, { database })
    for (const { name } of tables) {
      const [row] = await server.sql<{ digest: string }>(`set enable_indexscan = off; select count(*) || ' ' || coalesce(sum(('x' || substr(md5(t::text), 1, 15))::bit(60)::bigint), 0) as digest from ${name} t`, { database })
      found[`${database}.${name}`] = row?.digest ?? ''
    }
  }
  return found
}
