-- CreateEnum
CREATE TYPE "FullWal" AS ENUM ('no', 'incr', 'full');

-- AlterTable
ALTER TABLE "Settings" ADD COLUMN     "fullWal" "FullWal",
ADD COLUMN     "removeFullWal" BOOLEAN,
ADD COLUMN     "removeIncrementalWal" BOOLEAN;
