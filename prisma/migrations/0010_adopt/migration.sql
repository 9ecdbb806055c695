-- AlterEnum
ALTER TYPE "RunKind" ADD VALUE 'adopt';
