-- AlterTable
ALTER TABLE "Image" ADD COLUMN     "tablespaces" JSONB NOT NULL DEFAULT '[]';
