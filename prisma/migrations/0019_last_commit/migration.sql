-- AlterTable
ALTER TABLE "WalFile" ADD COLUMN     "lastCommitAt" TIMESTAMP(3);
