/** Every state a host can be in: how it is marked, its word, and what a person does next. */
import type { State } from '#components/ui/state.ts'
import type { Host } from '#lib/contract/hosts.ts'

export const hostStates = {
  new: { state: 'unknown', word: 'Host key not read yet', next: 'Read the host key' },
  'key-unknown': { state: 'strange', word: 'Confirm its key', next: 'Compare the fingerprints and confirm the host key' },
  'key-changed': { state: 'failed', word: 'Key has changed', next: 'Find out why its key changed' },
  'no-agent': { state: 'strange', word: 'No agent', next: 'Deploy the agent' },
  outdated: { state: 'strange', word: 'Agent is older', next: 'Upgrade the agent' },
  online: { state: 'ok', word: 'Online', next: null },
  offline: { state: 'failed', word: 'Offline', next: 'Find out why it does not answer' },
} as const satisfies Record<Host['state'], { state: State; word: string; next: string | null }>

/** How far a new host has come, in the order a person walks. */
export function hostSteps(host: Host): { label: string; isDone: boolean }[] {
  const step = (isDone: boolean, done: string, toDo: string) => ({ label: isDone ? done : toDo, isDone })
  return [
    step(true, 'Added', 'Add'),
    step(host.hostKeyFingerprint !== null && host.state !== 'key-changed', 'Host key confirmed', 'Confirm the host key'),
    step(host.agentDeployedAt !== null, 'Agent deployed', 'Deploy the agent'),
    step(host.describedAt !== null, 'Clusters looked for', 'Look for clusters'),
  ]
}

/** Prints the fingerprint of each host key on the host itself; sshd may offer any of them. */
export const fingerprintCommand = 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub'
export const everyFingerprintCommand = 'for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf "$key"; done'

/** Whether pasted output of ssh-keygen names this fingerprint; null while nothing that looks like one was pasted. */
export function pastedMatches(pasted: string, fingerprint: string): boolean | null {
  const found = pasted.match(/SHA256:[A-Za-z0-9+/]{43}/g)
  return found ? found.includes(fingerprint.replace(/=+$/, '')) : null
}
