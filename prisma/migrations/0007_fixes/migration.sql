-- AlterEnum
ALTER TYPE "RunKind" ADD VALUE 'fix';

-- AlterTable
ALTER TABLE "CheckResult" ADD COLUMN     "apply" JSONB;

-- AlterTable
ALTER TABLE "Source" ADD COLUMN     "archiveBytes" BIGINT,
ADD COLUMN     "archiveFreeBytes" BIGINT,
ADD COLUMN     "archiveGrowth" DOUBLE PRECISION,
ADD COLUMN     "archiveSeenAt" TIMESTAMP(3),
ADD COLUMN     "archiveTotalBytes" BIGINT;

-- Ranges that Prisma cannot say.
ALTER TABLE "Source" ADD CONSTRAINT "Source_archive_check" CHECK ("archiveBytes" >= 0 AND "archiveFreeBytes" >= 0 AND "archiveTotalBytes" >= 0);
