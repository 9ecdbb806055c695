-- AlterTable
ALTER TABLE "Settings" ADD COLUMN     "excludes" TEXT;
