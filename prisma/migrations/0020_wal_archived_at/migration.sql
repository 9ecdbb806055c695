-- AlterTable
ALTER TABLE "WalFile" ADD COLUMN     "archivedAt" TIMESTAMP(3);

-- Until here that was what completedAt said.
UPDATE "WalFile" SET "archivedAt" = "completedAt";
