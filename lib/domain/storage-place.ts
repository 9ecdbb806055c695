/** Where a storage device lies: its kinds, and its place in one line. */

export const storageKinds = ['disk', 's3', 'host'] as const
export type StorageKind = (typeof storageKinds)[number]

/** Classes whose objects can be read at once; those of an archive, which take hours, would hold up a restore. https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html */
export const storageClasses = ['STANDARD', 'STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR', 'REDUCED_REDUNDANCY', 'EXPRESS_ONEZONE'] as const
export type StorageClassName = (typeof storageClasses)[number]

export interface StoragePlace {
  rootPath: string | null
  /** Of a directory on a host. */
  host: { name: string } | null
  bucket: { name: string; prefix: string } | null
}

/** A path, host:path, or s3://bucket/prefix. */
export const placeInWords = ({ rootPath, host, bucket }: StoragePlace): string => (rootPath !== null ? `${host === null ? '' : `${host.name}:`}${rootPath}` : bucket === null ? '' : `s3://${bucket.name}${bucket.prefix === '' ? '' : `/${bucket.prefix}`}`)
