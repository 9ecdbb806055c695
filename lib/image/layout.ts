// Names of everything Howdah keeps on storage; a name tells set, source, image, stripe and number without any catalog.

export const CONSOLE_FILE = 'HOWDAH.json'
export const RESTORE_FILE = 'RESTORE.md'
export const IMAGE_FILE = 'image.json'
export const INDEX_FILE = 'index.json.zst'
/** Ends the name of everything that is encrypted: one age file each. */
export const SEALED = '.age'
/** Name of an object without what encryption adds. */
export const plainName = (name: string): string => (name.endsWith(SEALED) ? name.slice(0, -SEALED.length) : name)

/** The stripe of files that a server reads outside of its data directory; every other stripe unpacks into the data directory. */
export const CONFIG_STRIPE = 'config-1'
/** Top directory inside CONFIG_STRIPE; below it stand the absolute paths of the host. */
export const CONFIG_TOP = 'howdah-config'

export const dataStripe = (number: number): string => `data-${number}`
export const isDataStripe = (stripe: string): boolean => /^data-\d+$/.test(stripe)

const VOLUME = /^((?:data|config)-\d+)\.(\d{6,})\.tar(\.zst)?(\.age)?$/

/** 'data-1.000001.tar.zst.age', without '.zst' where the image is not compressed and '.age' where it is not encrypted; numbers count from 1. */
export const volumeName = (stripe: string, number: number, isCompressed: boolean, isSealed = false): string =>
  `${stripe}.${String(number).padStart(6, '0')}.tar${isCompressed ? '.zst' : ''}${isSealed ? SEALED : ''}`

export function parseVolumeName(name: string): { stripe: string; number: number; isCompressed: boolean; isSealed: boolean } | null {
  const [, stripe, digits, suffix, sealed] = VOLUME.exec(name) ?? []
  return stripe === undefined || digits === undefined ? null : { stripe, number: Number(digits), isCompressed: suffix !== undefined, isSealed: sealed !== undefined }
}

export const kitFile = (sha256: string): string => `kit/agent-${sha256}.mjs`
export const setFile = (set: string): string => `sets/${set}/set.json`
export const sourceFolder = (set: string, source: string): string => `sets/${set}/${source}`
export const imageFolder = (set: string, source: string, imageId: string): string => `${sourceFolder(set, source)}/images/${imageId}`
export const imageFile = (set: string, source: string, imageId: string, name: string): string => `${imageFolder(set, source, imageId)}/${name}`
export const walFolder = (set: string, source: string): string => `${sourceFolder(set, source)}/wal`

/** Segments, .partial and .history files alike lie in the folder of the timeline their name begins with. */
export function walFile(set: string, source: string, name: string, { isCompressed, isSealed }: { isCompressed: boolean; isSealed: boolean }): string {
  return `${walFolder(set, source)}/${name.slice(0, 8)}/${name}${isCompressed ? '.zst' : ''}${isSealed ? SEALED : ''}`
}
