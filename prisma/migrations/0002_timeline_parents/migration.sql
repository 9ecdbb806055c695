-- CreateTable
CREATE TABLE "TimelineParent" (
    "sourceId" UUID NOT NULL,
    "timeline" INTEGER NOT NULL,
    "parent" INTEGER NOT NULL,
    "switchLsn" BIGINT NOT NULL,

    CONSTRAINT "TimelineParent_pkey" PRIMARY KEY ("sourceId","timeline","parent")
);

-- AddForeignKey
ALTER TABLE "TimelineParent" ADD CONSTRAINT "TimelineParent_sourceId_fkey" FOREIGN KEY ("sourceId") REFERENCES "Source"("id") ON DELETE CASCADE ON UPDATE CASCADE;
