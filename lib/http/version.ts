/** Which Howdah this is: by the manifest in the folder that every process of it is started in. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'

const Manifest = z.object({ version: z.string() })

export const readVersion = async (): Promise<string> => Manifest.parse(JSON.parse(await readFile(join(process.cwd(), 'package.json'), 'utf8'))).version
