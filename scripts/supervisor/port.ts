// Whether the web can listen where it should, found out before anything is started.
import { createServer } from 'node:net'
import { errorCode } from '#lib/platform/files.ts'

const reasons: Readonly<Record<string, (address: string, port: number) => string>> = {
  EADDRINUSE: (_, port) => `Port ${port} is taken by another program. Start Howdah on another one: PORT=${port === 65535 ? 7433 : port + 1} npm run up`,
  EACCES: (_, port) => `Port ${port} may only be used by root. Start Howdah on another one: PORT=7432 npm run up`,
  EADDRNOTAVAIL: (address) => `This machine has no address ${address}. Set HOWDAH_BIND to one that it has, such as 127.0.0.1, or 0.0.0.0 for all.`,
  ENOTFOUND: (address) => `HOWDAH_BIND=${address} is no address. Set it to one of this machine, such as 127.0.0.1, or 0.0.0.0 for all.`,
}

/** Undefined when the port is free, else the sentence that says what to do. */
export async function whyNotListen(address: string, port: number): Promise<string | undefined> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ host: address, port, exclusive: true }, resolve))
  } catch (error) {
    const reason = reasons[errorCode(error) ?? '']
    if (reason === undefined) throw error
    return reason(address, port)
  }
  await new Promise((resolve) => server.close(resolve))
  return undefined
}
