import { expect, test } from 'vitest'
import { pastedMatches } from './host-state.ts'

const key = 'SHA256:0Wn8Yh0Vx2i5mW3kQ1b7ZJq3T9uPpLr4s6EoFhGdCyA'

test('the pasted lines of ssh-keygen are compared with the offered fingerprint [A2]', () => {
  expect(pastedMatches(`256 ${key} root@db1 (ED25519)`, key)).toBe(true)
  expect(pastedMatches(`3072 SHA256:${'x'.repeat(43)} root@db1 (RSA)\n256 ${key} root@db1 (ED25519)\n`, key)).toBe(true)
  expect(pastedMatches(`256 SHA256:${'x'.repeat(43)} root@db1 (ED25519)`, key)).toBe(false)
  expect(pastedMatches(`${key.slice(0, 30)}`, key)).toBe(null)
  expect(pastedMatches('', key)).toBe(null)
})
