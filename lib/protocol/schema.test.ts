// The golden copy of the protocol.
import { expect, test } from 'vitest'
import { protocolSchema } from './schema.ts'

test('the protocol is what its golden copy says; a change bumps VERSION and writes it anew', async () => {
  await expect(protocolSchema()).toMatchFileSnapshot('./schema.json')
})
