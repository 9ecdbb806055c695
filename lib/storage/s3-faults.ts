/** What goes wrong at an S3 endpoint, by the code of its answer, as problems that say the exact fix. */
import { problem, ProblemError } from '#lib/domain/problem.ts'
import type { ProblemCode } from '#lib/domain/problem.ts'

interface Fault { code: ProblemCode; text: string; hint: string }

const wrongKey = (text: string): Fault => ({ code: 'write-failed', text, hint: 'Enter access key and secret key anew in Admin ▸ Storage devices, as the owner of the bucket gives them.' })
const full = (text: string): Fault => ({ code: 'no-space', text, hint: 'Raise the quota at the S3 server, free space there, or lower retention.' })
const away = (text: string, hint: string): Fault => ({ code: 'storage-unavailable', text, hint })
const certificate = away('The certificate of the S3 endpoint is not trusted', 'Put the certificate of its authority (PEM) into the field CA certificate of the storage device.')
const unreachable = away('The S3 endpoint does not answer', 'Check endpoint, port and firewall from the machine that runs the worker: curl -v <endpoint>')

/** By the code of S3's error answer or of the system. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const faults: Record<string, Fault> = {
  InvalidAccessKeyId: wrongKey('The S3 server does not know the access key'),
  SignatureDoesNotMatch: wrongKey('The secret key does not fit the access key'),
  AuthorizationHeaderMalformed: away('The S3 server wants another region', 'Set the region of the bucket in Admin ▸ Storage devices; the detail names the one that is wanted.'),
  AccessDenied: { code: 'write-failed', text: 'The S3 server does not allow this to the access key', hint: 'Allow it s3:ListBucket, s3:ListBucketMultipartUploads, s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload and s3:ListMultipartUploadParts on the bucket, or enter other keys.' },
  AllAccessDisabled: wrongKey('The S3 server has disabled this account'),
  NoSuchBucket: away('The bucket is not there', 'Create the bucket at the S3 server, or correct its name in Admin ▸ Storage devices.'),
  PermanentRedirect: away('The bucket is in another region', 'Set endpoint and region to those of the bucket.'),
  RequestTimeTooSkewed: away('The clocks of this machine and of the S3 server differ too much', 'Set the clock of the machine that runs the worker: timedatectl set-ntp true'),
  InvalidStorageClass: { code: 'write-failed', text: 'The S3 server does not know the storage class', hint: 'Correct the storage class of the device, or leave it empty.' },
  EntityTooLarge: full('The S3 server refuses the bytes as too many'),
  QuotaExceeded: full('The quota at the S3 server is used up'),
  StorageFull: full('The S3 server is full'),
  XMinioStorageFull: full('The S3 server is full'),
  InsufficientCapacity: full('The S3 server is full'),
  BadDigest: { code: 'storage-corrupt', text: 'The S3 server received other bytes than were sent', hint: 'The transfer is begun anew; if it happens again, look at the network and memory of both machines.' },
  ENOTFOUND: away('The name of the S3 endpoint is not known', 'Correct the endpoint, or the name service of the machine that runs the worker.'),
  ECONNREFUSED: unreachable,
  DEPTH_ZERO_SELF_SIGNED_CERT: certificate,
  SELF_SIGNED_CERT_IN_CHAIN: certificate,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: certificate,
  UNABLE_TO_GET_ISSUER_CERT: certificate,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: certificate,
  CERT_HAS_EXPIRED: away('The certificate of the S3 endpoint has expired', 'Renew it at the S3 server.'),
  ERR_TLS_CERT_ALTNAME_INVALID: away('The certificate of the S3 endpoint is for another name', 'Use a name that its certificate holds as endpoint; with bucket names in the host name, try path style.'),
}
/** By the status of an answer that has no known code. */
const statuses: Record<number, Fault> = { 403: wrongKey('The S3 server refuses the keys'), 413: full('The S3 server refuses the bytes as too many'), 507: full('The S3 server is full') }

/** What an error of the SDK tells, without the request in it. */
export function toldBy(error: unknown): { code: string; status: number | undefined; text: string } {
  if (!(error instanceof Error)) return { code: '', status: undefined, text: String(error) }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
  const metadata = '$metadata' in error && typeof error.$metadata === 'object' && error.$metadata !== null ? error.$metadata : {}
  return { code, status: 'httpStatusCode' in metadata && typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined, text: error.message }
}

export const isMissing = (error: unknown): boolean => ['NoSuchKey', 'NotFound', 'NoSuchUpload'].includes(toldBy(error).code)

/** Any failure of a call as a problem of the place `where`, which names endpoint and bucket. */
export function s3Fault(error: unknown, where: string): ProblemError {
  if (error instanceof ProblemError) return error
  const { code, status, text } = toldBy(error)
  const fault = faults[code] ?? (status === undefined ? undefined : statuses[status]) ?? unreachable
  return problem(fault.code, `${fault.text}: ${where}`, { detail: `${code}${status === undefined ? '' : ` (HTTP ${status})`}: ${text}`, hint: fault.hint, cause: error })
}
