-- CreateEnum
CREATE TYPE "CompressionPlace" AS ENUM ('host', 'console');

-- CreateEnum
CREATE TYPE "SourceOrder" AS ENUM ('name', 'largest', 'smallest', 'longest');

-- AlterTable
ALTER TABLE "BackupSet" ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "Host" ADD COLUMN     "stateDirectory" TEXT;

-- AlterTable
ALTER TABLE "Run" ADD COLUMN     "position" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "Settings" ADD COLUMN     "bandwidthBytesPerSecond" INTEGER,
ADD COLUMN     "compressionPlace" "CompressionPlace",
ADD COLUMN     "hostBandwidthBytesPerSecond" INTEGER,
ADD COLUMN     "order" "SourceOrder",
ADD COLUMN     "parallelPerHost" INTEGER;
