/** How a restored copy is opened, as a person chose it: there or in place, on which port, by which service. Pure. */
import type { RecoveryChoice } from '#lib/contract/recoveries.ts'
import { Service } from '#lib/domain/service.ts'

export const ways = ['found', 'systemd', 'pg_ctl', 'command'] as const
export type Way = (typeof ways)[number]

export interface Completion {
  inPlace: boolean
  /** As typed; only where the copy opens elsewhere. */
  port: string
  way: Way
  unit: string
  sudo: boolean
  stop: string
  start: string
}

export const noCompletion: Completion = { inPlace: false, port: '5433', way: 'found', unit: '', sudo: false, stop: '', start: '' }

const PORT = /^[0-9]{1,5}$/

/** The choice as the API takes it, or what is wrong with it and where. */
export function choiceOf({ inPlace, port, way, unit, sudo, stop, start }: Completion): { choice: RecoveryChoice } | { wrong: Partial<Record<'port' | 'unit' | 'stop' | 'start', string>> } {
  if (!inPlace) {
    const isPort = PORT.test(port.trim()) && Number(port) >= 1 && Number(port) <= 65_535
    return isPort ? { choice: { inPlace, port: Number(port), service: null } } : { wrong: { port: 'A port is a number from 1 to 65535.' } }
  }
  if (way === 'found') return { choice: { inPlace, port: null, service: null } }
  const service = way === 'systemd' ? { kind: way, unit: unit.trim(), sudo } : way === 'command' ? { kind: way, stop, start } : { kind: way }
  const parsed = Service.safeParse(service)
  if (parsed.success) return { choice: { inPlace, port: null, service: parsed.data } }
  return { wrong: Object.fromEntries(parsed.error.issues.map(({ path, message }) => [String(path[0]), message])) }
}
