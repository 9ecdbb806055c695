-- AlterTable
ALTER TABLE "Source" ADD COLUMN     "walTurnAt" TIMESTAMP(3);

-- AlterTable
ALTER TABLE "BackupSet" ADD COLUMN     "scheduleSeenAt" TIMESTAMP(3);

-- One run of an exclusive key is in progress, whoever starts it.
CREATE UNIQUE INDEX "Run_exclusiveKey_inProgress_key" ON "Run" ("exclusiveKey") WHERE "exclusiveKey" IS NOT NULL AND "state" IN ('queued', 'running', 'cancelling');

-- What a worker looks for every second.
CREATE INDEX "Run_claimable_idx" ON "Run" ("createdAt") WHERE "state" IN ('queued', 'running', 'cancelling');

-- Ranges of the schema, so that no program can write nonsense.
ALTER TABLE "Preferences" ADD CONSTRAINT "Preferences_check" CHECK ("id" = 1 AND "sessionTimeoutMinutes" BETWEEN 0 AND 300);
ALTER TABLE "Host" ADD CONSTRAINT "Host_check" CHECK ("port" BETWEEN 1 AND 65535 AND ("hostKey" IS NULL) = ("hostKeyFingerprint" IS NULL) AND ("offlineReason" IS NULL) = ("offlineSince" IS NULL));
ALTER TABLE "Cluster" ADD CONSTRAINT "Cluster_check" CHECK ("dataDirectory" LIKE '/%' AND "major" > 0 AND ("port" IS NULL OR "port" BETWEEN 1 AND 65535));
ALTER TABLE "Settings" ADD CONSTRAINT "Settings_check" CHECK (
  "compressionLevel" BETWEEN 1 AND 19 AND "parallelSources" BETWEEN 1 AND 64 AND "workers" BETWEEN 1 AND 32 AND "checkTimeoutSeconds" BETWEEN 1 AND 3600
  AND "estimateTimeoutSeconds" BETWEEN 1 AND 86400 AND "dataTimeoutSeconds" BETWEEN 0 AND 86400 AND "maxWalWaitSeconds" BETWEEN 0 AND 86400
  AND "walIntervalSeconds" BETWEEN 5 AND 86400 AND "maxLevel" BETWEEN 1 AND 9 AND "retries" BETWEEN 0 AND 10);
ALTER TABLE "BackupSet" ADD CONSTRAINT "BackupSet_check" CHECK ("cycleDays" BETWEEN 1 AND 365 AND "keepFulls" BETWEEN 1 AND 1000 AND "keepDays" BETWEEN 1 AND 3650 AND "minimumFulls" BETWEEN 1 AND 100 AND "rpoTargetSeconds" > 0);
ALTER TABLE "ScheduleSlot" ADD CONSTRAINT "ScheduleSlot_check" CHECK ("dayOfWeek" BETWEEN 0 AND 6 AND "minuteOfDay" BETWEEN 0 AND 1439);
ALTER TABLE "Source" ADD CONSTRAINT "Source_check" CHECK ("port" BETWEEN 1 AND 65535 AND "dataDirectory" LIKE '/%' AND "archiveDirectory" LIKE '/%' AND ("passwordSealed" IS NULL OR "passfile" IS NULL) AND "backlogBytes" >= 0 AND "sizeBytes" >= 0);
ALTER TABLE "Storage" ADD CONSTRAINT "Storage_check" CHECK ("rootPath" LIKE '/%' AND "keepFreeBytes" >= 0 AND "quotaBytes" > 0);
ALTER TABLE "Image" ADD CONSTRAINT "Image_check" CHECK (
  "level" BETWEEN 0 AND 9 AND ("level" = 0) = ("baseImageId" IS NULL) AND "beginLsn" <= "endLsn" AND "beginAt" <= "endAt" AND "timeline" > 0
  AND "segmentSizeBytes" BETWEEN 1048576 AND 1073741824 AND "fileCount" >= 0 AND "rawBytes" >= 0 AND "storedBytes" >= 0);
ALTER TABLE "Volume" ADD CONSTRAINT "Volume_check" CHECK ("position" >= 0 AND "sizeBytes" >= 0 AND "rawBytes" >= 0 AND length("sha256") = 64);
ALTER TABLE "WalFile" ADD CONSTRAINT "WalFile_check" CHECK ("timeline" > 0 AND ("beginLsn" IS NULL) = ("endLsn" IS NULL) AND ("beginLsn" IS NULL OR "beginLsn" < "endLsn") AND "rawBytes" >= 0 AND "storedBytes" >= 0 AND length("sha256") = 64 AND length("rawSha256") = 64);
ALTER TABLE "TimelineParent" ADD CONSTRAINT "TimelineParent_check" CHECK ("timeline" > "parent" AND "parent" > 0 AND "switchLsn" > 0);
ALTER TABLE "Run" ADD CONSTRAINT "Run_check" CHECK (
  "level" BETWEEN 0 AND 9 AND "attempt" >= 1 AND "claim" >= 0 AND "agentSeq" >= 0 AND "doneBytes" >= 0 AND "storedBytes" >= 0
  AND ("state" IN ('succeeded', 'strange', 'failed', 'cancelled')) = ("endedAt" IS NOT NULL));
ALTER TABLE "RunEvent" ADD CONSTRAINT "RunEvent_check" CHECK ("seq" > 0 AND "agentSeq" > 0);
