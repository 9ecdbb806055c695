/** The connection to the catalog, and the two types that every query of this room takes. */
import { PrismaPg } from '@prisma/adapter-pg'
import { Prisma, PrismaClient } from './generated/client.ts'

/** The catalog with transactions: `db.$transaction(async tx => …)`. */
export type Db = PrismaClient
/** The catalog, or one transaction in it: what a query takes, so that it works in both. */
export type Tx = Prisma.TransactionClient

/** Connects at the first query; `await db.$disconnect()` when done. */
export function connectDb(databaseUrl: string, { connections = 10 }: { connections?: number } = {}): Db {
  return new PrismaClient({
    adapter: new PrismaPg({ connectionString: databaseUrl, max: connections, connectionTimeoutMillis: 10_000 }),
    transactionOptions: { maxWait: 10_000, timeout: 30_000 },
  })
}
