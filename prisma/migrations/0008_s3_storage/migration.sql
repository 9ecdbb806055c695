-- AlterEnum
ALTER TYPE "StorageKind" ADD VALUE 's3';

-- AlterTable
ALTER TABLE "Storage" ALTER COLUMN "rootPath" DROP NOT NULL;

-- CreateTable
CREATE TABLE "StorageBucket" (
    "storageId" UUID NOT NULL,
    "endpoint" TEXT NOT NULL,
    "region" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "accessKeyId" TEXT NOT NULL,
    "secretSealed" TEXT NOT NULL,
    "isPathStyle" BOOLEAN NOT NULL,
    "storageClass" TEXT,
    "caPem" TEXT,

    CONSTRAINT "StorageBucket_pkey" PRIMARY KEY ("storageId")
);

-- AddForeignKey
ALTER TABLE "StorageBucket" ADD CONSTRAINT "StorageBucket_storageId_fkey" FOREIGN KEY ("storageId") REFERENCES "Storage"("id") ON DELETE CASCADE ON UPDATE CASCADE;
