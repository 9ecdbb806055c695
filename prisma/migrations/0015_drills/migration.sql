-- CreateEnum
CREATE TYPE "DrillTarget" AS ENUM ('latest', 'random', 'last-full');

-- CreateEnum
CREATE TYPE "TableRead" AS ENUM ('none', 'sample', 'whole');

-- AlterEnum
ALTER TYPE "RunKind" ADD VALUE 'drill';

-- CreateTable
CREATE TABLE "DrillWish" (
    "sourceId" UUID NOT NULL,
    "isActive" BOOLEAN NOT NULL,
    "target" "DrillTarget" NOT NULL,
    "hostId" UUID,
    "folder" TEXT,
    "checksums" BOOLEAN NOT NULL,
    "indexes" BOOLEAN NOT NULL,
    "tables" "TableRead" NOT NULL,
    "sampleRows" INTEGER NOT NULL,
    "staleDays" INTEGER NOT NULL,
    "activeSince" TIMESTAMP(3),
    "scheduleSeenAt" TIMESTAMP(3),

    CONSTRAINT "DrillWish_pkey" PRIMARY KEY ("sourceId")
);

-- CreateTable
CREATE TABLE "DrillSlot" (
    "sourceId" UUID NOT NULL,
    "dayOfWeek" INTEGER NOT NULL,
    "minuteOfDay" INTEGER NOT NULL,

    CONSTRAINT "DrillSlot_pkey" PRIMARY KEY ("sourceId","dayOfWeek","minuteOfDay")
);

-- CreateTable
CREATE TABLE "DrillAssertion" (
    "sourceId" UUID NOT NULL,
    "position" INTEGER NOT NULL,
    "database" TEXT NOT NULL,
    "sql" TEXT NOT NULL,

    CONSTRAINT "DrillAssertion_pkey" PRIMARY KEY ("sourceId","position")
);

-- CreateTable
CREATE TABLE "Drill" (
    "runId" UUID NOT NULL,
    "sourceId" UUID NOT NULL,
    "targetAt" TIMESTAMP(3),
    "plan" JSONB NOT NULL,
    "evidence" JSONB,
    "endedAt" TIMESTAMP(3),

    CONSTRAINT "Drill_pkey" PRIMARY KEY ("runId")
);

-- CreateIndex
CREATE INDEX "Drill_sourceId_endedAt_idx" ON "Drill"("sourceId", "endedAt");

-- AddForeignKey
ALTER TABLE "DrillWish" ADD CONSTRAINT "DrillWish_sourceId_fkey" FOREIGN KEY ("sourceId") REFERENCES "Source"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "DrillWish" ADD CONSTRAINT "DrillWish_hostId_fkey" FOREIGN KEY ("hostId") REFERENCES "Host"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "DrillSlot" ADD CONSTRAINT "DrillSlot_sourceId_fkey" FOREIGN KEY ("sourceId") REFERENCES "DrillWish"("sourceId") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "DrillAssertion" ADD CONSTRAINT "DrillAssertion_sourceId_fkey" FOREIGN KEY ("sourceId") REFERENCES "DrillWish"("sourceId") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Drill" ADD CONSTRAINT "Drill_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Drill" ADD CONSTRAINT "Drill_sourceId_fkey" FOREIGN KEY ("sourceId") REFERENCES "Source"("id") ON DELETE CASCADE ON UPDATE CASCADE;
