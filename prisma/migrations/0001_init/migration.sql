-- CreateEnum
CREATE TYPE "Role" AS ENUM ('administrator', 'operator', 'monitor', 'restore-only');

-- CreateEnum
CREATE TYPE "HostSignIn" AS ENUM ('password', 'key');

-- CreateEnum
CREATE TYPE "Compression" AS ENUM ('none', 'fast', 'default', 'best', 'level');

-- CreateEnum
CREATE TYPE "EstimateMethod" AS ENUM ('accurate', 'historical', 'quick');

-- CreateEnum
CREATE TYPE "LevelRule" AS ENUM ('last-plus-one', 'since-full');

-- CreateEnum
CREATE TYPE "RunState" AS ENUM ('queued', 'running', 'cancelling', 'succeeded', 'strange', 'failed', 'cancelled');

-- CreateEnum
CREATE TYPE "RunKind" AS ENUM ('trust', 'deploy', 'describe', 'undeploy', 'check', 'estimate', 'backup', 'collect-wal', 'verify', 'restore', 'expire', 'test-storage', 'inspect');

-- CreateEnum
CREATE TYPE "RunOrigin" AS ENUM ('schedule', 'person', 'system');

-- CreateEnum
CREATE TYPE "SlotLevel" AS ENUM ('auto', 'full', 'incremental');

-- CreateEnum
CREATE TYPE "StorageKind" AS ENUM ('disk');

-- CreateEnum
CREATE TYPE "CheckStatus" AS ENUM ('ok', 'warn', 'error', 'info');

-- CreateEnum
CREATE TYPE "WalKind" AS ENUM ('segment', 'partial', 'history');

-- CreateTable
CREATE TABLE "User" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "emailVerified" BOOLEAN NOT NULL DEFAULT false,
    "image" TEXT,
    "role" "Role" NOT NULL DEFAULT 'monitor',
    "isActive" BOOLEAN NOT NULL DEFAULT true,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "User_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Session" (
    "id" TEXT NOT NULL,
    "expiresAt" TIMESTAMP(3) NOT NULL,
    "token" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,
    "ipAddress" TEXT,
    "userAgent" TEXT,
    "userId" TEXT NOT NULL,

    CONSTRAINT "Session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Account" (
    "id" TEXT NOT NULL,
    "accountId" TEXT NOT NULL,
    "providerId" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "accessToken" TEXT,
    "refreshToken" TEXT,
    "idToken" TEXT,
    "accessTokenExpiresAt" TIMESTAMP(3),
    "refreshTokenExpiresAt" TIMESTAMP(3),
    "scope" TEXT,
    "password" TEXT,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Account_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Verification" (
    "id" TEXT NOT NULL,
    "identifier" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "expiresAt" TIMESTAMP(3) NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Verification_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "ApiToken" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "sha256" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expiresAt" TIMESTAMP(3),
    "lastUsedAt" TIMESTAMP(3),

    CONSTRAINT "ApiToken_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "AuditEntry" (
    "seq" SERIAL NOT NULL,
    "at" TIMESTAMP(3) NOT NULL,
    "actorId" TEXT,
    "actorName" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "subjectId" TEXT,
    "detail" TEXT,
    "previousHash" TEXT NOT NULL,
    "hash" TEXT NOT NULL,

    CONSTRAINT "AuditEntry_pkey" PRIMARY KEY ("seq")
);

-- CreateTable
CREATE TABLE "Preferences" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "sessionTimeoutMinutes" INTEGER NOT NULL DEFAULT 15,
    "timeZone" TEXT NOT NULL DEFAULT 'UTC',
    "settingsId" UUID NOT NULL,

    CONSTRAINT "Preferences_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Host" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "port" INTEGER NOT NULL DEFAULT 22,
    "user" TEXT NOT NULL,
    "signIn" "HostSignIn" NOT NULL,
    "secretSealed" TEXT NOT NULL,
    "runAs" TEXT,
    "comment" TEXT NOT NULL DEFAULT '',
    "hostKey" TEXT,
    "hostKeyFingerprint" TEXT,
    "hostKeyConfirmedAt" TIMESTAMP(3),
    "hostKeyConfirmedBy" TEXT,
    "offeredKey" TEXT,
    "offeredKeyFingerprint" TEXT,
    "offeredKeyAt" TIMESTAMP(3),
    "agentVersion" TEXT,
    "agentSha256" TEXT,
    "agentDeployedAt" TIMESTAMP(3),
    "agentPath" TEXT,
    "agentRuntime" TEXT,
    "os" TEXT,
    "kernel" TEXT,
    "architecture" TEXT,
    "cpus" INTEGER,
    "memoryBytes" BIGINT,
    "describedAt" TIMESTAMP(3),
    "lastSeenAt" TIMESTAMP(3),
    "offlineReason" TEXT,
    "offlineSince" TIMESTAMP(3),
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Host_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "HostTool" (
    "hostId" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "path" TEXT NOT NULL,
    "version" TEXT,

    CONSTRAINT "HostTool_pkey" PRIMARY KEY ("hostId","path")
);

-- CreateTable
CREATE TABLE "Cluster" (
    "id" UUID NOT NULL,
    "hostId" UUID NOT NULL,
    "dataDirectory" TEXT NOT NULL,
    "major" INTEGER NOT NULL,
    "systemIdentifier" TEXT,
    "isRunning" BOOLEAN NOT NULL,
    "port" INTEGER,
    "socketDirectory" TEXT,
    "owner" TEXT NOT NULL,
    "configFile" TEXT,
    "service" TEXT,
    "archiveMode" TEXT,
    "archiveCommand" TEXT,
    "archiveDirectory" TEXT,
    "binaries" TEXT,
    "problem" TEXT,

    CONSTRAINT "Cluster_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Settings" (
    "id" UUID NOT NULL,
    "compression" "Compression",
    "compressionLevel" INTEGER,
    "estimate" "EstimateMethod",
    "noIncremental" BOOLEAN,
    "parallelSources" INTEGER,
    "workers" INTEGER,
    "checkTimeoutSeconds" INTEGER,
    "estimateTimeoutSeconds" INTEGER,
    "dataTimeoutSeconds" INTEGER,
    "maxWalWaitSeconds" INTEGER,
    "fastCheckpoint" BOOLEAN,
    "cleanupWal" BOOLEAN,
    "walIntervalSeconds" INTEGER,
    "levelRule" "LevelRule",
    "maxLevel" INTEGER,
    "retries" INTEGER,

    CONSTRAINT "Settings_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "BackupSet" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "comment" TEXT NOT NULL DEFAULT '',
    "ownerId" TEXT,
    "isActive" BOOLEAN NOT NULL DEFAULT false,
    "storageId" UUID,
    "settingsId" UUID NOT NULL,
    "timeZone" TEXT NOT NULL DEFAULT 'UTC',
    "cycleDays" INTEGER NOT NULL DEFAULT 7,
    "keepFulls" INTEGER DEFAULT 4,
    "keepDays" INTEGER DEFAULT 30,
    "minimumFulls" INTEGER NOT NULL DEFAULT 1,
    "rpoTargetSeconds" INTEGER NOT NULL DEFAULT 300,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "BackupSet_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "ScheduleSlot" (
    "setId" UUID NOT NULL,
    "dayOfWeek" INTEGER NOT NULL,
    "minuteOfDay" INTEGER NOT NULL,
    "level" "SlotLevel" NOT NULL,

    CONSTRAINT "ScheduleSlot_pkey" PRIMARY KEY ("setId","dayOfWeek","minuteOfDay")
);

-- CreateTable
CREATE TABLE "Source" (
    "id" UUID NOT NULL,
    "setId" UUID NOT NULL,
    "hostId" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "isActive" BOOLEAN NOT NULL DEFAULT true,
    "dataDirectory" TEXT NOT NULL,
    "archiveDirectory" TEXT NOT NULL,
    "connectionHost" TEXT NOT NULL,
    "port" INTEGER NOT NULL DEFAULT 5432,
    "user" TEXT NOT NULL DEFAULT 'postgres',
    "database" TEXT NOT NULL DEFAULT '',
    "passwordSealed" TEXT,
    "passfile" TEXT,
    "binaries" TEXT,
    "tempDirectory" TEXT,
    "settingsId" UUID NOT NULL,
    "systemIdentifier" TEXT,
    "major" INTEGER,
    "serverVersion" TEXT,
    "segmentSizeBytes" INTEGER,
    "timeline" INTEGER,
    "needsFullReason" TEXT,
    "lastCheckAt" TIMESTAMP(3),
    "sizeBytes" BIGINT,
    "walSeenAt" TIMESTAMP(3),
    "currentLsn" BIGINT,
    "lastArchivedWal" TEXT,
    "lastFailedWal" TEXT,
    "lastFailedAt" TIMESTAMP(3),
    "walProblem" TEXT,
    "backlogBytes" BIGINT,
    "backlogSince" TIMESTAMP(3),
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Source_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "CheckResult" (
    "sourceId" UUID NOT NULL,
    "line" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "status" "CheckStatus" NOT NULL,
    "message" TEXT NOT NULL,
    "found" TEXT,
    "wanted" TEXT,
    "fixKind" TEXT,
    "fixText" TEXT,

    CONSTRAINT "CheckResult_pkey" PRIMARY KEY ("sourceId","line")
);

-- CreateTable
CREATE TABLE "Storage" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "kind" "StorageKind" NOT NULL,
    "comment" TEXT NOT NULL DEFAULT '',
    "rootPath" TEXT NOT NULL,
    "keepFreeBytes" BIGINT NOT NULL DEFAULT 0,
    "quotaBytes" BIGINT,
    "freeBytes" BIGINT,
    "totalBytes" BIGINT,
    "usedBytes" BIGINT,
    "testedAt" TIMESTAMP(3),
    "testProblem" TEXT,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Storage_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Image" (
    "id" UUID NOT NULL,
    "sourceId" UUID NOT NULL,
    "storageId" UUID NOT NULL,
    "path" TEXT NOT NULL,
    "level" INTEGER NOT NULL,
    "baseImageId" UUID,
    "runId" UUID,
    "systemIdentifier" TEXT NOT NULL,
    "major" INTEGER NOT NULL,
    "serverVersion" TEXT NOT NULL,
    "timeline" INTEGER NOT NULL,
    "segmentSizeBytes" INTEGER NOT NULL,
    "beginLsn" BIGINT NOT NULL,
    "endLsn" BIGINT NOT NULL,
    "beginAt" TIMESTAMP(3) NOT NULL,
    "endAt" TIMESTAMP(3) NOT NULL,
    "noChanges" BOOLEAN NOT NULL DEFAULT false,
    "fileCount" INTEGER NOT NULL,
    "rawBytes" BIGINT NOT NULL,
    "storedBytes" BIGINT NOT NULL,
    "compression" "Compression" NOT NULL,
    "hasChecksums" BOOLEAN NOT NULL DEFAULT false,
    "fromStandby" BOOLEAN NOT NULL DEFAULT false,
    "isHeld" BOOLEAN NOT NULL DEFAULT false,
    "holdReason" TEXT,
    "verifiedAt" TIMESTAMP(3),
    "verifyProblem" TEXT,
    "publishedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Image_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Volume" (
    "imageId" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "sizeBytes" BIGINT NOT NULL,
    "rawBytes" BIGINT NOT NULL,
    "sha256" TEXT NOT NULL,

    CONSTRAINT "Volume_pkey" PRIMARY KEY ("imageId","name")
);

-- CreateTable
CREATE TABLE "WalFile" (
    "sourceId" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "storageId" UUID NOT NULL,
    "kind" "WalKind" NOT NULL,
    "timeline" INTEGER NOT NULL,
    "beginLsn" BIGINT,
    "endLsn" BIGINT,
    "path" TEXT NOT NULL,
    "rawBytes" BIGINT NOT NULL,
    "storedBytes" BIGINT NOT NULL,
    "sha256" TEXT NOT NULL,
    "rawSha256" TEXT NOT NULL,
    "completedAt" TIMESTAMP(3) NOT NULL,
    "storedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "removedFromHostAt" TIMESTAMP(3),

    CONSTRAINT "WalFile_pkey" PRIMARY KEY ("sourceId","name")
);

-- CreateTable
CREATE TABLE "RunGroup" (
    "id" UUID NOT NULL,
    "setId" UUID,
    "kind" "RunKind" NOT NULL,
    "title" TEXT NOT NULL,
    "origin" "RunOrigin" NOT NULL,
    "dueAt" TIMESTAMP(3),
    "startedById" TEXT,
    "startedBy" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "RunGroup_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Run" (
    "id" UUID NOT NULL,
    "groupId" UUID NOT NULL,
    "kind" "RunKind" NOT NULL,
    "state" "RunState" NOT NULL DEFAULT 'queued',
    "phase" TEXT,
    "hostId" UUID,
    "sourceId" UUID,
    "storageId" UUID,
    "imageId" UUID,
    "exclusiveKey" TEXT,
    "input" JSONB NOT NULL,
    "result" JSONB,
    "level" INTEGER,
    "doneBytes" BIGINT NOT NULL DEFAULT 0,
    "totalBytes" BIGINT,
    "storedBytes" BIGINT NOT NULL DEFAULT 0,
    "problemCode" TEXT,
    "problemMessage" TEXT,
    "problemDetail" TEXT,
    "problemHint" TEXT,
    "attempt" INTEGER NOT NULL DEFAULT 1,
    "claim" INTEGER NOT NULL DEFAULT 0,
    "worker" TEXT,
    "heartbeatAt" TIMESTAMP(3),
    "agentSeq" INTEGER NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "notBefore" TIMESTAMP(3),
    "startedAt" TIMESTAMP(3),
    "endedAt" TIMESTAMP(3),

    CONSTRAINT "Run_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "RunEvent" (
    "runId" UUID NOT NULL,
    "seq" INTEGER NOT NULL,
    "agentSeq" INTEGER,
    "at" TIMESTAMP(3) NOT NULL,
    "body" JSONB NOT NULL,

    CONSTRAINT "RunEvent_pkey" PRIMARY KEY ("runId","seq")
);

-- CreateTable
CREATE TABLE "Worker" (
    "id" TEXT NOT NULL,
    "hostname" TEXT NOT NULL,
    "pid" INTEGER NOT NULL,
    "version" TEXT NOT NULL,
    "startedAt" TIMESTAMP(3) NOT NULL,
    "lastSeenAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Worker_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "User_email_key" ON "User"("email");

-- CreateIndex
CREATE UNIQUE INDEX "Session_token_key" ON "Session"("token");

-- CreateIndex
CREATE INDEX "Session_userId_idx" ON "Session"("userId");

-- CreateIndex
CREATE INDEX "Account_userId_idx" ON "Account"("userId");

-- CreateIndex
CREATE INDEX "Verification_identifier_idx" ON "Verification"("identifier");

-- CreateIndex
CREATE UNIQUE INDEX "ApiToken_sha256_key" ON "ApiToken"("sha256");

-- CreateIndex
CREATE UNIQUE INDEX "ApiToken_userId_name_key" ON "ApiToken"("userId", "name");

-- CreateIndex
CREATE UNIQUE INDEX "AuditEntry_hash_key" ON "AuditEntry"("hash");

-- CreateIndex
CREATE INDEX "AuditEntry_at_idx" ON "AuditEntry"("at");

-- CreateIndex
CREATE UNIQUE INDEX "Preferences_settingsId_key" ON "Preferences"("settingsId");

-- CreateIndex
CREATE UNIQUE INDEX "Host_name_key" ON "Host"("name");

-- CreateIndex
CREATE UNIQUE INDEX "Cluster_hostId_dataDirectory_key" ON "Cluster"("hostId", "dataDirectory");

-- CreateIndex
CREATE UNIQUE INDEX "BackupSet_name_key" ON "BackupSet"("name");

-- CreateIndex
CREATE UNIQUE INDEX "BackupSet_settingsId_key" ON "BackupSet"("settingsId");

-- CreateIndex
CREATE UNIQUE INDEX "Source_settingsId_key" ON "Source"("settingsId");

-- CreateIndex
CREATE UNIQUE INDEX "Source_setId_name_key" ON "Source"("setId", "name");

-- CreateIndex
CREATE UNIQUE INDEX "Storage_name_key" ON "Storage"("name");

-- CreateIndex
CREATE INDEX "Image_sourceId_endAt_idx" ON "Image"("sourceId", "endAt");

-- CreateIndex
CREATE INDEX "WalFile_sourceId_timeline_beginLsn_idx" ON "WalFile"("sourceId", "timeline", "beginLsn");

-- CreateIndex
CREATE INDEX "RunGroup_createdAt_idx" ON "RunGroup"("createdAt");

-- CreateIndex
CREATE INDEX "Run_groupId_idx" ON "Run"("groupId");

-- CreateIndex
CREATE INDEX "Run_sourceId_createdAt_idx" ON "Run"("sourceId", "createdAt");

-- CreateIndex
CREATE INDEX "Run_state_idx" ON "Run"("state");

-- CreateIndex
CREATE UNIQUE INDEX "RunEvent_runId_agentSeq_key" ON "RunEvent"("runId", "agentSeq");

-- AddForeignKey
ALTER TABLE "Session" ADD CONSTRAINT "Session_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Account" ADD CONSTRAINT "Account_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "ApiToken" ADD CONSTRAINT "ApiToken_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Preferences" ADD CONSTRAINT "Preferences_settingsId_fkey" FOREIGN KEY ("settingsId") REFERENCES "Settings"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "HostTool" ADD CONSTRAINT "HostTool_hostId_fkey" FOREIGN KEY ("hostId") REFERENCES "Host"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Cluster" ADD CONSTRAINT "Cluster_hostId_fkey" FOREIGN KEY ("hostId") REFERENCES "Host"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "BackupSet" ADD CONSTRAINT "BackupSet_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "BackupSet" ADD CONSTRAINT "BackupSet_storageId_fkey" FOREIGN KEY ("storageId") REFERENCES "Storage"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "BackupSet" ADD CONSTRAINT "BackupSet_settingsId_fkey" FOREIGN KEY ("settingsId") REFERENCES "Settings"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "ScheduleSlot" ADD CONSTRAINT "ScheduleSlot_setId_fkey" FOREIGN KEY ("setId") REFERENCES "BackupSet"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Source" ADD CONSTRAINT "Source_setId_fkey" FOREIGN KEY ("setId") REFERENCES "BackupSet"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Source" ADD CONSTRAINT "Source_hostId_fkey" FOREIGN KEY ("hostId") REFERENCES "Host"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Source" ADD CONSTRAINT "Source_settingsId_fkey" FOREIGN KEY ("settingsId") REFERENCES "Settings"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "CheckResult" ADD CONSTRAINT "CheckResult_sourceId_fkey" FOREIGN KEY ("sourceId") REFERENCES "Source"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Image" ADD CONSTRAINT "Image_sourceId_fkey" FOREIGN KEY ("sourceId") REFERENCES "Source"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Image" ADD CONSTRAINT "Image_storageId_fkey" FOREIGN KEY ("storageId") REFERENCES "Storage"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Image" ADD CONSTRAINT "Image_baseImageId_fkey" FOREIGN KEY ("baseImageId") REFERENCES "Image"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Volume" ADD CONSTRAINT "Volume_imageId_fkey" FOREIGN KEY ("imageId") REFERENCES "Image"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "WalFile" ADD CONSTRAINT "WalFile_sourceId_fkey" FOREIGN KEY ("sourceId") REFERENCES "Source"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "WalFile" ADD CONSTRAINT "WalFile_storageId_fkey" FOREIGN KEY ("storageId") REFERENCES "Storage"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "RunGroup" ADD CONSTRAINT "RunGroup_setId_fkey" FOREIGN KEY ("setId") REFERENCES "BackupSet"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Run" ADD CONSTRAINT "Run_groupId_fkey" FOREIGN KEY ("groupId") REFERENCES "RunGroup"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Run" ADD CONSTRAINT "Run_hostId_fkey" FOREIGN KEY ("hostId") REFERENCES "Host"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Run" ADD CONSTRAINT "Run_sourceId_fkey" FOREIGN KEY ("sourceId") REFERENCES "Source"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Run" ADD CONSTRAINT "Run_storageId_fkey" FOREIGN KEY ("storageId") REFERENCES "Storage"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "RunEvent" ADD CONSTRAINT "RunEvent_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run"("id") ON DELETE CASCADE ON UPDATE CASCADE;
