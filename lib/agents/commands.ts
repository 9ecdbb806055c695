/** Every shell line that ever runs on a host, as pure builders; data goes in as quoted arguments, never into a script. */

/** One word for any Bourne-like shell, and for csh and fish as well. */
export const shellWord = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** As the run-as user when there is one: `sudo -n` fails instead of asking. */
function asUser(runAs: string | null, script: string, args: readonly string[]): string {
  const words = [...(runAs === null ? [] : ['sudo', '-n', '-H', '-u', runAs, '--']), 'sh', '-c', script, 'sh', ...args]
  return words.map(shellWord).join(' ')
}

export const AGENT_FOLDER = '.howdah-agent'

/** Exit codes of our own scripts, away from those of shells (126, 127) and signals (128+). */
export const exits = { tampered: 97, missing: 98, noChecksumTool: 99, wrongDigest: 96 } as const

/** Lines `name=value`: what must be known to choose a runtime. Candidates of Node are looked for in PATH and the usual places. */
export const probe = (runAs: string | null): string =>
  asUser(
    runAs,
    'echo "system=$(uname -s)"; echo "machine=$(uname -m)"; echo "user=$(id -un)"; cd || exit 1; echo "home=$(pwd -P)"; command -v sha256sum >/dev/null || exit 99; ' +
      'for n in node nodejs /usr/local/bin/node /usr/bin/node; do p=$(command -v "$n") && echo "node=$("$p" --version 2>/dev/null) $p"; done; true',
    [],
  )

/** Files of a folder with their digests: `sha256  name` lines. */
export const digests = (runAs: string | null, folder: string): string => asUser(runAs, '[ -d "$1" ] || exit 0; cd "$1" && for f in agent-*.mjs runtime-*; do [ -f "$f" ] && sha256sum -- "$f"; done; true', [folder])

/** stdin → file of this digest, under its name only when all arrived. */
export const putFile = (runAs: string | null, file: { folder: string; name: string; sha256: string; mode: string }): string =>
  asUser(
    runAs,
    'umask 077; mkdir -p -- "$1" && cd "$1" && p=".$2.$$" && trap \'rm -f -- "$p"\' EXIT && cat > "$p" && [ "$(sha256sum < "$p" | cut -c1-64)" = "$3" ] || exit 96; chmod "$4" "$p" && mv -f -- "$p" "$2"',
    [file.folder, file.name, file.sha256, file.mode],
  )

/** The agent of exactly this digest, through a door (`serve` or `bulk`), with its runs where the host's row says, and compiled where the agent keeps that for its runs. */
export const startAgent = (runAs: string | null, agent: { path: string; sha256: string; runtime: string; door: 'serve' | 'bulk'; stateDirectory?: string | null }): string =>
  asUser(
    runAs,
    '[ -f "$1" ] || exit 98; [ "$(sha256sum < "$1" | cut -c1-64)" = "$2" ] || exit 97; [ -x "$3" ] || exit 98; [ -z "$5" ] || export HOWDAH_AGENT_HOME="$5"; export NODE_COMPILE_CACHE="${5:-${1%/*}}/compiled"; exec "$3" "$1" "$4"',
    [agent.path, agent.sha256, agent.runtime, agent.door, agent.stateDirectory ?? ''],
  )

/** Does the runtime run here? Another C library shows only now. */
export const tryRuntime = (runAs: string | null, runtime: string): string => asUser(runAs, 'exec "$1" --version', [runtime])

/** Agents and runtimes that are not the ones in use go, unless a run may still use them. */
export const removeOlder = (runAs: string | null, folder: string, { keep, stateDirectory }: { keep: readonly string[]; stateDirectory: string | null }): string =>
  asUser(runAs, 'cd "$1" || exit 0; s=$2; shift 2; for d in runs/* "$s"/runs/*; do [ -e "$d" ] && exit 0; done; for f in agent-*.mjs runtime-*; do for k in "$@"; do [ "$f" = "$k" ] && continue 2; done; rm -f -- "$f"; done; true', [folder, stateDirectory ?? folder, ...keep])

/** The whole folder, whose name is checked once more on the host, and what the agent made in a state directory of its own. */
export const removeAgent = (runAs: string | null, folder: string, stateDirectory: string | null): string =>
  asUser(runAs, `[ -z "$2" ] || { rm -rf -- "$2/runs" "$2/compiled"; rmdir -- "$2" 2>/dev/null; }; case "$1" in */${AGENT_FOLDER}) rm -rf -- "$1";; *) exit 1;; esac`, [folder, stateDirectory ?? ''])
