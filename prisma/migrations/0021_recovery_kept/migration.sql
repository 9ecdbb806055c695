-- AlterTable
ALTER TABLE "Recovery" ADD COLUMN "kept" JSONB;

-- What Undo set aside carries the marker of the recovery; a copy that stayed where it was restored is nobody's to delete.
UPDATE "Recovery" SET "kept" = jsonb_build_object('path', "undonePath", 'bytes', NULL, 'runId', "wayBack" ->> 'runId')
WHERE "undonePath" IS NOT NULL AND "undonePath" <> "dataDirectory" AND "wayBack" IS NOT NULL;

ALTER TABLE "Recovery" DROP COLUMN "undonePath";
