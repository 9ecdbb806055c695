// Whether something listens on a TCP port of this host.
import { createConnection } from 'node:net'

export const LOOPBACK = '127.0.0.1'
const PATIENCE_MS = 2000
/** Addresses that stand for all of this host. */
const ANY = ['*', '0.0.0.0', '::']

/** `address` null = of a server that listens on none, whom nobody takes its port. */
export async function isPortTaken(port: number, address: string | null): Promise<boolean> {
  if (address === null) return false
  return new Promise((resolve) => {
    const socket = createConnection({ host: ANY.includes(address) ? LOOPBACK : address, port, timeout: PATIENCE_MS })
    const end = (isTaken: boolean) => {
      socket.destroy()
      resolve(isTaken)
    }
    socket.once('connect', () => end(true))
    socket.once('timeout', () => end(false))
    socket.once('error', () => end(false))
  })
}

/** What a person does about it. */
export const stopListener = (port: number): string => `Stop what listens on port ${port} of the host: as root, ss -ltnp 'sport = :${port}' names it`
