-- AlterTable
ALTER TABLE "Cluster" ALTER COLUMN "major" DROP NOT NULL;
