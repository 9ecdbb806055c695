/** The secret that signs session cookies, derived from the master key: webs that share the key share their sessions. */
import { hkdfSync } from 'node:crypto'

export const sessionSecret = (masterKey: Buffer): string => Buffer.from(hkdfSync('sha256', masterKey, '', 'howdah session cookies', 32)).toString('base64url')
