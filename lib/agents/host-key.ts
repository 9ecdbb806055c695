/** Host keys: the text that is pinned, the fingerprint that a person compares, and what happens when they differ. */
import { createHash } from 'node:crypto'
import { problem, ProblemError } from '#lib/domain/problem.ts'
import type { Problem } from '#lib/domain/problem.ts'

export interface HostKey {
  /** 'ssh-ed25519 AAAA…', as in known_hosts. */
  key: string
  /** 'SHA256:…' as ssh-keygen -l prints it. */
  fingerprint: string
  type: string
}

/** A public key in SSH wire form (RFC 4253, 6.6): it begins with the length and name of its type. */
export function hostKeyOf(blob: Buffer): HostKey {
  const type = blob.toString('latin1', 4, 4 + blob.readUInt32BE(0))
  return { key: `${type} ${blob.toString('base64')}`, fingerprint: `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`, type }
}

/** The pinned text, with or without a comment behind. */
export function parseHostKey(text: string): HostKey {
  return hostKeyOf(Buffer.from(text.trim().split(/\s+/)[1] ?? '', 'base64'))
}

/** Carries the key that was offered, so that it can be shown and confirmed. */
export class HostKeyError extends ProblemError {
  readonly offered: HostKey
  constructor(told: Problem, offered: HostKey) {
    super(told)
    this.name = 'HostKeyError'
    this.offered = offered
  }
}

export function unknownHostKey(address: string, offered: HostKey): HostKeyError {
  return new HostKeyError(
    problem('host-key-unknown', `The host key of ${address} is not confirmed yet`, {
      detail: `The host offers ${offered.type} ${offered.fingerprint}.`,
      hint: `Run on the host: for f in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $f; done — if one line shows this fingerprint, confirm it in Admin ▸ Hosts.`,
    }).problem,
    offered,
  )
}

export function changedHostKey(address: string, pinned: HostKey, offered: HostKey): HostKeyError {
  return new HostKeyError(
    problem('host-key-mismatch', `The host key of ${address} has changed`, {
      detail: `Confirmed was ${pinned.type} ${pinned.fingerprint}; the host offers ${offered.type} ${offered.fingerprint}. Nothing was sent.`,
    }).problem,
    offered,
  )
}

/** Signature algorithms that ask a server for the key of this type, so that a second key of the host is no change. */
export const algorithmsFor = (type: string): string[] => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'] : [type])
