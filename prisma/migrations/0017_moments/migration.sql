-- AlterEnum
ALTER TYPE "RunKind" ADD VALUE 'find-moment';
