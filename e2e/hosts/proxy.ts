// A TCP proxy that can slow a connection down, cut it in the middle, and refuse new ones: what networks do.
import { createServer, connect, type Socket } from 'node:net'

export interface Proxy extends AsyncDisposable {
  port: number
  /** Bytes that came from the target since the start. */
  received(): number
  /** Bytes that went to the target since the start. */
  sent(): number
  /** Ends every connection without a word. */
  cut(): void
  /** Accepts no new connection while true. */
  refuse(isRefusing: boolean): void
  /** Turns one bit of what comes next from the target, `after` bytes further on. */
  flip(after?: number): void
  /** Ends connections whose first bytes hold this text, as a firewall that lets only some through; null = none. */
  refuseThose(text: string | null): void
  /** Bytes a second from the target; null = as fast as it goes. */
  limit(bytesPerSecond: number | null): void
}

export async function startProxy(targetPort: number): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let isRefusing = false
  let refusedText: string | null = null
  let rate: number | null = null
  let received = 0
  let sent = 0
  let flipIn: number | null = null
  const server = createServer((client) => {
    if (isRefusing) return void client.destroy()
    const target = connect({ port: targetPort, host: '127.0.0.1' })
    for (const [one, other] of [[client, target], [target, client]] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
    client.pipe(target)
    client.once('data', (chunk: Buffer) => {
      if (refusedText !== null && chunk.includes(refusedText)) client.destroy()
    })
    client.on('data', (chunk: Buffer) => void (sent += chunk.length))
    target.on('data', (chunk: Buffer) => {
      received += chunk.length
      if (flipIn !== null && flipIn < chunk.length) {
        chunk[flipIn] = (chunk[flipIn] ?? 0) ^ 1
        flipIn = null
      } else if (flipIn !== null) flipIn -= chunk.length
      client.write(chunk)
      if (rate === null) return
      target.pause()
      setTimeout(() => target.resume(), (chunk.length / rate) * 1000)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port,
    received: () => received,
    sent: () => sent,
    cut,
    refuse: (refusing) => void (isRefusing = refusing),
    flip: (after = 0) => void (flipIn = after),
    refuseThose: (text) => void (refusedText = text),
    limit: (bytesPerSecond) => void (rate = bytesPerSecond),
    async [Symbol.asyncDispose]() {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
