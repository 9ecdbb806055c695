-- CreateEnum
CREATE TYPE "IncrementalMethod" AS ENUM ('wal', 'blocks');

-- CreateEnum
CREATE TYPE "ImageContent" AS ENUM ('full', 'wal', 'blocks');

-- AlterTable
ALTER TABLE "Image" ADD COLUMN "content" "ImageContent", ADD COLUMN "clusterBytes" BIGINT;
-- Until here a level n held WAL only.
UPDATE "Image" SET "content" = CASE WHEN "level" = 0 THEN 'full'::"ImageContent" ELSE 'wal' END, "clusterBytes" = CASE WHEN "level" = 0 THEN "rawBytes" ELSE 0 END;
ALTER TABLE "Image" ALTER COLUMN "content" SET NOT NULL, ALTER COLUMN "clusterBytes" SET NOT NULL;
ALTER TABLE "Image" ADD CONSTRAINT "Image_content_check" CHECK (("content" = 'full') = ("level" = 0));

-- AlterTable
ALTER TABLE "Settings" ADD COLUMN "incrementalMethod" "IncrementalMethod";
