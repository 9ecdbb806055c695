// Ports for the servers of tests: below the range that the system gives to connections, and other ones in every process, so that nothing takes one between its choice and its use.
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Linux gives connections 32768 and up. https://docs.kernel.org/networking/ip-sysctl.html (ip_local_port_range) */
const [FIRST, COUNT] = [10_000, 22_000]
/** How far apart the ports of two processes begin that were started one after the other. */
const APART = 64

let next = process.pid * APART

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
    return true
  } catch {
    return false
  }
}

/** A port of 127.0.0.1 that nothing listens on and that this process was not given before. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < COUNT; tries++) {
    const port = FIRST + (next++ % COUNT)
    if (await isFree(port)) return port
  }
  throw new Error(`No port from ${FIRST} to ${FIRST + COUNT - 1} is free`)
}
