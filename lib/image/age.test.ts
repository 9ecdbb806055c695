// Debian's age opens what Howdah writes, Howdah opens what Debian's age writes, and nothing that was changed opens at all.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Decrypter, Encrypter, generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ProblemError } from '#lib/domain/problem.ts'
import { ageSealer, CHUNK_BYTES, payloadOpener, plainSize, sealedSize, seekableAge } from './age.ts'
import { ageOpener, headerLength, makeHeader, openBytes, openHeader, sealBytes } from './age-header.ts'

const MIB = 1024 * 1024
const sizes = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 1, 5 * MIB + 77]

let folder = ''
let identity = ''
let recipient = ''
let keyFile = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'howdah-age-'))
  keyFile = join(folder, 'key.txt')
  execFileSync('age-keygen', ['-o', keyFile], { stdio: 'ignore' })
  const text = readFileSync(keyFile, 'utf8')
  identity = /^AGE-SECRET-KEY-1\S+$/m.exec(text)?.[0] ?? ''
  recipient = /public key: (age1\S+)$/m.exec(text)?.[1] ?? ''
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const ageOpens = (file: Uint8Array): Buffer => execFileSync('age', ['-d', '-i', keyFile], { input: file, maxBuffer: 64 * MIB, stdio: ['pipe', 'pipe', 'ignore'] })
const ageSeals = (plain: Uint8Array): Buffer => execFileSync('age', ['-r', recipient], { input: plain, maxBuffer: 64 * MIB })

/** Cuts bytes where the numbers say, so that pushes have any size. */
function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const ends = [...at.map((one) => Math.min(one, bytes.length)), bytes.length].toSorted((a, b) => a - b)
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
}
const through = (stream: { push(bytes: Uint8Array): Buffer[]; end(): Buffer[] }, parts: readonly Buffer[]): Buffer => {
  const out = parts.flatMap((part) => {
    // What is handed over may be reused at once, so it is.
    const reused = Buffer.from(part)
    const made = stream.push(reused)
    reused.fill(0xaa)
    return made
  })
  return Buffer.concat([...out, ...stream.end()])
}
const seek = (file: Buffer) => {
  const { fileKey, headerBytes } = openHeader(file, [identity], 'a file')
  return seekableAge({ fileKey, headerBytes, fileBytes: file.length, read: (offset, length) => file.subarray(offset, offset + length) })
}

test.each(sizes)('%i bytes: age opens ours, we open the one of age, as a stream and by seeking [B7]', (size) => {
  const plain = randomBytes(size)
  const ours = sealBytes(plain, [recipient])
  expect(ageOpens(ours).equals(plain)).toBe(true)
  const theirs = ageSeals(plain)
  for (const file of [ours, theirs]) {
    expect((openBytes(file, [identity], 'a file')).equals(plain)).toBe(true)
    const seekable = seek(file)
    expect(seekable.plainBytes).toBe(size)
    expect(seekable.read(0, size).equals(plain)).toBe(true)
    expect(sealedSize(size, headerLength(file) ?? 0)).toBe(file.length)
  }
})

test('pushes of any size give a file that opens, whatever pieces it is read in [B7]', () => {
  const cuts = fc.array(fc.oneof(fc.nat(4 * CHUNK_BYTES), fc.constantFrom(CHUNK_BYTES, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES)), { maxLength: 12 })
  fc.assert(
    fc.property(fc.oneof(fc.nat(4 * CHUNK_BYTES), fc.constantFrom(...sizes.slice(0, 7))), cuts, cuts, (size, writes, reads) => {
      const plain = randomBytes(size)
      const made = makeHeader([recipient])
      const file = through(ageSealer(made), cut(plain, writes))
      expect(file.length).toBe(sealedSize(size, made.header.length))
      const { fileKey, headerBytes } = openHeader(file, [identity], 'a file')
      expect(through(payloadOpener(fileKey), cut(file.subarray(headerBytes), reads)).equals(plain)).toBe(true)
      expect(through(ageOpener([identity], 'a file'), cut(file, reads)).equals(plain)).toBe(true)
    }),
    { numRuns: 60 },
  )
})

test('any range is read alone, and only the chunks that hold it [B7]', () => {
  const plain = randomBytes(6 * CHUNK_BYTES + 1000)
  const file = sealBytes(plain, [recipient])
  const { fileKey, headerBytes } = openHeader(file, [identity], 'a file')
  let readBytes = 0
  const seekable = seekableAge({
    fileKey, headerBytes, fileBytes: file.length,
    read: (offset, length) => {
      readBytes += length
      return file.subarray(offset, offset + length)
    },
  })
  fc.assert(
    fc.property(fc.nat(plain.length), fc.nat(3 * CHUNK_BYTES), (offset, wanted) => {
      const length = Math.min(wanted, plain.length - offset)
      readBytes = 0
      expect(seekable.read(offset, length).equals(plain.subarray(offset, offset + length))).toBe(true)
      expect(readBytes).toBeLessThanOrEqual((Math.ceil(length / CHUNK_BYTES) + 1) * (CHUNK_BYTES + 16))
    }),
  )
  expect(() => seekable.read(plain.length - 1, 2)).toThrow(RangeError)
})

test('a flipped bit anywhere is found, by age, by the stream and by seeking [B7] [D12]', () => {
  const plain = randomBytes(3 * CHUNK_BYTES + 5)
  const file = sealBytes(plain, [recipient])
  const headerBytes = headerLength(file) ?? 0
  // Every byte of the header, the nonce, every tag and the ends of every chunk; and any other.
  const edges = [...Array(headerBytes + 17).keys(), ...[1, 2, 3, 4].flatMap((chunk) => [-17, -16, -1, 0].map((by) => Math.min(file.length - 1, headerBytes + 16 + chunk * (CHUNK_BYTES + 16) + by)))]
  fc.assert(
    fc.property(fc.oneof(fc.constantFrom(...edges), fc.nat(file.length - 1)), fc.nat(7), (at, bit) => {
      const changed = Buffer.from(file)
      changed[at] = (changed[at] ?? 0) ^ (1 << bit)
      expect(() => openBytes(changed, [identity], 'a file')).toThrow()
      expect(() => seek(changed).read(0, plain.length)).toThrow()
    }),
    { numRuns: 400 },
  )
  const changed = Buffer.from(file)
  changed[headerBytes + 100] = (changed[headerBytes + 100] ?? 0) ^ 1
  expect(() => ageOpens(changed)).toThrow()
})

test('a file cut off anywhere, also between two chunks, is found [B7] [D12]', () => {
  const file = sealBytes(randomBytes(3 * CHUNK_BYTES), [recipient])
  const begin = (headerLength(file) ?? 0) + 16
  const boundaries = [0, 1, 2].map((chunk) => begin + chunk * (CHUNK_BYTES + 16))
  for (const end of [...boundaries, ...boundaries.map((one) => one + 16), begin - 5, 10, file.length - 1]) {
    const short = file.subarray(0, end)
    expect(() => openBytes(short, [identity], 'a file'), `cut at ${end}`).toThrow(RangeError)
    expect(() => {
      const seekable = seek(short)
      seekable.read(0, seekable.plainBytes)
    }, `cut at ${end}`).toThrow(RangeError)
  }
  expect(() => openBytes(Buffer.concat([file, Buffer.alloc(16)]), [identity], 'a file')).toThrow(RangeError)
})

test('chunks that changed places are found [B7]', () => {
  const file = sealBytes(randomBytes(3 * CHUNK_BYTES), [recipient])
  const begin = (headerLength(file) ?? 0) + 16
  const sealed = CHUNK_BYTES + 16
  const swapped = Buffer.concat([file.subarray(0, begin), file.subarray(begin + sealed, begin + 2 * sealed), file.subarray(begin, begin + sealed), file.subarray(begin + 2 * sealed)])
  expect(() => openBytes(swapped, [identity], 'a file')).toThrow(/Chunk 1 /)
})

test('without the key, or with another one, nothing opens and the problem says what to do [B7] [K10]', async () => {
  const file = sealBytes(Buffer.from('secret'), [recipient])
  const other = await generateX25519Identity()
  const refusal = (identities: readonly string[]): unknown => {
    try {
      return openBytes(file, identities, 'index.json.zst.age')
    } catch (error) {
      return error
    }
  }
  expect(refusal([])).toMatchObject({ problem: { code: 'key-missing', message: expect.stringContaining('index.json.zst.age') as string, hint: expect.stringContaining('Admin ▸ Keys') as string } })
  expect(refusal([other])).toMatchObject({ problem: { code: 'key-wrong', hint: expect.stringContaining('recipient') as string } })
  expect(file.includes('secret')).toBe(false)
})

test('one of several recipients is enough, and two files of one content share nothing [B7]', async () => {
  const other = await generateX25519Identity()
  const plain = randomBytes(1000)
  const file = sealBytes(plain, [await identityToRecipient(other), recipient])
  expect(ageOpens(file).equals(plain)).toBe(true)
  expect((openBytes(file, [other], 'a file')).equals(plain)).toBe(true)
  const again = sealBytes(plain, [await identityToRecipient(other), recipient])
  expect(again.subarray(-64).equals(file.subarray(-64))).toBe(false)
})

test('another implementation of age opens ours, we open its files, and recipients of kinds that we do not know are left alone [B7]', async () => {
  const plain = randomBytes(200_000)
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  expect(Buffer.from(await decrypter.decrypt(sealBytes(plain, [recipient]))).equals(plain)).toBe(true)
  const encrypter = new Encrypter()
  encrypter.addRecipient(await identityToRecipient(await generateHybridIdentity()))
  encrypter.addRecipient(await identityToRecipient(await generateX25519Identity()))
  encrypter.addRecipient(recipient)
  expect(openBytes(await encrypter.encrypt(plain), [identity], 'a file').equals(plain)).toBe(true)
})

test('no recipient, no file; what is not age says so; sizes that cannot be are refused', () => {
  expect(() => makeHeader([])).toThrow(/recipient/)
  for (const wrong of ['age1', recipient.slice(0, -1), `${recipient.slice(0, -1)}${recipient.endsWith('q') ? 'p' : 'q'}`, identity]) expect(() => makeHeader([wrong])).toThrow(/no recipient/)
  expect(() => openBytes(sealBytes(Buffer.alloc(1), [recipient]), [recipient], 'a file')).toThrow(/no identity/)
  expect(() => headerLength(Buffer.from('PK\u0003\u0004 something else'))).toThrow(/not a file in age format/)
  expect(headerLength(Buffer.from('age-encr'))).toBeNull()
  expect(() => headerLength(Buffer.concat([Buffer.from('age-encryption.org/v1\n'), Buffer.alloc(MIB, 'a')]))).toThrow(/no end/)
  for (const bytes of [0, 15, 16, 31, 32 + CHUNK_BYTES + 1, 32 + CHUNK_BYTES + 16]) expect(() => plainSize(bytes, 0)).toThrow(RangeError)
})

test('a megabyte costs a core a few milliseconds', () => {
  const plain = randomBytes(32 * MIB)
  const made = makeHeader([recipient])
  const rate = (work: () => void): number => {
    const begin = performance.now()
    work()
    return 32 / ((performance.now() - begin) / 1000)
  }
  let file: Buffer[] = []
  const frames = cut(plain, Array.from({ length: 300 }, (_, index) => index * 111_111))
  const sealing = rate(() => {
    const sealer = ageSealer(made)
    file = [...frames.flatMap((frame) => sealer.push(frame)), ...sealer.end()]
  })
  const body = Buffer.concat(file).subarray(made.header.length)
  const opening = rate(() => {
    const opener = payloadOpener(made.fileKey)
    opener.push(body)
    opener.end()
  })
  expect(sealing, 'MiB/s of sealing').toBeGreaterThan(60)
  expect(opening, 'MiB/s of opening').toBeGreaterThan(60)
})

test('whatever bytes are read as an age file, the answer is a problem or a RangeError, never another fault', () => {
  const file = sealBytes(randomBytes(1000), [recipient])
  const broken = fc.oneof(
    fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
    fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.concat([Buffer.from('age-encryption.org/v1\n-> X25519 '), bytes])),
    fc.tuple(fc.nat(250), fc.uint8Array({ minLength: 1, maxLength: 30 })).map(([at, bytes]) => Buffer.concat([file.subarray(0, at), bytes, file.subarray(at)])),
    fc.tuple(fc.nat(250), fc.nat(60)).map(([at, count]) => Buffer.concat([file.subarray(0, at), file.subarray(at + count + 1)])),
  )
  fc.assert(
    fc.property(broken, (bytes) => {
      try {
        openBytes(bytes, [identity], 'a file')
      } catch (error) {
        if (error instanceof RangeError || error instanceof ProblemError) return
        throw error
      }
      throw new Error('What was broken was opened.')
    }),
    { numRuns: 1000 },
  )
})
