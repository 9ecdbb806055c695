// Touches a quarter of the machine's memory and gives it back. See rounds.ts.
import { totalmem } from 'node:os'

const PIECE_BYTES = 1 << 28
const pieces: Buffer[] = []
for (let left = totalmem() / 4; left > 0; left -= PIECE_BYTES) pieces.push(Buffer.allocUnsafeSlow(PIECE_BYTES).fill(1))
