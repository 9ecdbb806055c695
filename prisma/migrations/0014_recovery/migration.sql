-- CreateEnum
CREATE TYPE "RecoveryState" AS ENUM ('running', 'active', 'undone', 'released', 'failed');

-- AlterEnum
-- This migration adds more than one value to an enum.
-- With PostgreSQL versions 11 and earlier, this is not possible
-- in a single migration. This can be worked around by creating
-- multiple migrations, each migration adding only one value to
-- the enum.


ALTER TYPE "RunKind" ADD VALUE 'recover';
ALTER TYPE "RunKind" ADD VALUE 'undo';
ALTER TYPE "RunKind" ADD VALUE 'release';

-- CreateTable
CREATE TABLE "Recovery" (
    "id" UUID NOT NULL,
    "sourceId" UUID,
    "hostId" UUID,
    "sourceName" TEXT NOT NULL,
    "hostName" TEXT NOT NULL,
    "targetText" TEXT NOT NULL,
    "copy" TEXT NOT NULL,
    "inPlace" BOOLEAN NOT NULL,
    "dataDirectory" TEXT NOT NULL,
    "systemIdentifier" TEXT NOT NULL,
    "place" JSONB NOT NULL,
    "state" "RecoveryState" NOT NULL,
    "port" INTEGER,
    "timeline" INTEGER,
    "lastCommitAt" TEXT,
    "oldPath" TEXT,
    "oldBytes" BIGINT,
    "wayBack" JSONB,
    "undonePath" TEXT,
    "startedBy" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "openedAt" TIMESTAMP(3),
    "endedAt" TIMESTAMP(3),

    CONSTRAINT "Recovery_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "Recovery_sourceId_createdAt_idx" ON "Recovery"("sourceId", "createdAt");

-- AddForeignKey
ALTER TABLE "Recovery" ADD CONSTRAINT "Recovery_sourceId_fkey" FOREIGN KEY ("sourceId") REFERENCES "Source"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Recovery" ADD CONSTRAINT "Recovery_hostId_fkey" FOREIGN KEY ("hostId") REFERENCES "Host"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- What can be undone says how.
ALTER TABLE "Recovery" ADD CONSTRAINT "Recovery_way_back_check" CHECK ("state" <> 'active' OR "wayBack" IS NOT NULL);
