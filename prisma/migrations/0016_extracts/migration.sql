-- AlterEnum
ALTER TYPE "RunKind" ADD VALUE 'extract';
ALTER TYPE "RunKind" ADD VALUE 'load';

-- CreateTable
CREATE TABLE "Extract" (
    "runId" UUID NOT NULL,
    "sourceId" UUID NOT NULL,
    "tree" JSONB,
    "openedAt" TIMESTAMP(3),
    "stopAskedAt" TIMESTAMP(3),

    CONSTRAINT "Extract_pkey" PRIMARY KEY ("runId")
);

-- CreateIndex
CREATE INDEX "Extract_sourceId_idx" ON "Extract"("sourceId");

-- AddForeignKey
ALTER TABLE "Extract" ADD CONSTRAINT "Extract_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Extract" ADD CONSTRAINT "Extract_sourceId_fkey" FOREIGN KEY ("sourceId") REFERENCES "Source"("id") ON DELETE CASCADE ON UPDATE CASCADE;
