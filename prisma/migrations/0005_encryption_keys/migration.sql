-- CreateEnum
CREATE TYPE "Encryption" AS ENUM ('none', 'host', 'console');

-- AlterTable
ALTER TABLE "Image" ADD COLUMN     "encryptionKeyId" UUID;

-- AlterTable
ALTER TABLE "Settings" ADD COLUMN     "encryption" "Encryption",
ADD COLUMN     "encryptionKey" TEXT;

-- AlterTable
ALTER TABLE "WalFile" ADD COLUMN     "encryptionKeyId" UUID;

-- CreateTable
CREATE TABLE "EncryptionKey" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "comment" TEXT NOT NULL DEFAULT '',
    "recipient" TEXT NOT NULL,
    "identitySealed" TEXT NOT NULL,
    "isDefault" BOOLEAN NOT NULL DEFAULT false,
    "isImported" BOOLEAN NOT NULL DEFAULT false,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "createdBy" TEXT NOT NULL,
    "kitConfirmedAt" TIMESTAMP(3),
    "kitConfirmedBy" TEXT,
    "retiredAt" TIMESTAMP(3),

    CONSTRAINT "EncryptionKey_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "EncryptionKey_name_key" ON "EncryptionKey"("name");

-- CreateIndex
CREATE UNIQUE INDEX "EncryptionKey_recipient_key" ON "EncryptionKey"("recipient");

-- AddForeignKey
ALTER TABLE "Image" ADD CONSTRAINT "Image_encryptionKeyId_fkey" FOREIGN KEY ("encryptionKeyId") REFERENCES "EncryptionKey"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "WalFile" ADD CONSTRAINT "WalFile_encryptionKeyId_fkey" FOREIGN KEY ("encryptionKeyId") REFERENCES "EncryptionKey"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- One default key, which is never a retired one; halves of a key as age writes them, the private one sealed.
CREATE UNIQUE INDEX "EncryptionKey_default_key" ON "EncryptionKey" ("isDefault") WHERE "isDefault";
ALTER TABLE "EncryptionKey" ADD CONSTRAINT "EncryptionKey_check" CHECK (
  "recipient" LIKE 'age1%' AND "identitySealed" NOT LIKE 'AGE-SECRET-KEY-%' AND NOT ("isDefault" AND "retiredAt" IS NOT NULL) AND ("kitConfirmedAt" IS NULL) = ("kitConfirmedBy" IS NULL));
