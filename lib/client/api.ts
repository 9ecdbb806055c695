/** The typed API in the browser: `client` calls it, `api` gives react-query its options and keys. */
import type { InferContractRouterInputs, InferContractRouterOutputs } from '@orpc/contract'
import { createTanstackQueryUtils } from '@orpc/tanstack-query'
import * as z from 'zod'
import type { Contract } from '#lib/contract/contract.ts'
import { idleSeconds } from './idle.ts'
import { createClient } from './link.ts'

// The content policy forbids `eval`, which zod would try to speed itself up with.
z.config({ jitless: true })

export const client = createClient({ address: () => location.origin, idleSeconds })
export const api = createTanstackQueryUtils(client)

/** `Inputs['set']['create']` is what an operation takes, before defaults are filled in. */
export type Inputs = InferContractRouterInputs<Contract>
/** `Outputs['set']['list'][number]` is what it answers. */
export type Outputs = InferContractRouterOutputs<Contract>
