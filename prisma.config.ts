/** Where Prisma finds the schema; the database address is given by the program that runs. */
import { defineConfig } from 'prisma/config'

export default defineConfig({ schema: 'prisma/schema.prisma' })
