-- AlterEnum
ALTER TYPE "StorageKind" ADD VALUE 'host';

-- AlterTable
ALTER TABLE "Storage" ADD COLUMN     "hostId" UUID;

-- AddForeignKey
ALTER TABLE "Storage" ADD CONSTRAINT "Storage_hostId_fkey" FOREIGN KEY ("hostId") REFERENCES "Host"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
