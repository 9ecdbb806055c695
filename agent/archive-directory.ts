// The directory that an archive_command copies into, told from its text; null when it cannot be told.

const SHAPES: readonly RegExp[] = [
  /(?:^|[;\s])d='([^']+)'/, // the command Howdah writes
  /"(\/[^"]*)\/%f"/,
  /'(\/[^']*)\/%f'/,
  /(?<![\w:/%])(\/[^\s"'`;&|<>()$]*)\/%f/,
]

/** In `cp %p /archive/%f` the target is the last path with %f; tests for its presence name the same. */
export function archiveDirectoryOf(command: string): string | null {
  for (const shape of SHAPES) {
    const found = [...command.matchAll(new RegExp(shape, 'g'))].at(-1)?.[1]
    if (found !== undefined && found.startsWith('/')) return found.replaceAll('%%', '%')
  }
  return null
}
