// archive_command and restore_command as one POSIX shell line each, and PostgreSQL's % placeholders.
// Source: https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-ARCHIVING-WAL

/** A word for a POSIX shell, quoted so that nothing in it is special. Throws RangeError for NUL and line breaks. */
export function quoteShell(word: string): string {
  if (/[\0\r\n]/.test(word)) throw new RangeError('A path with a line break or a NUL byte cannot stand in a PostgreSQL command.')
  return `'${word.replaceAll("'", String.raw`'\''`)}'`
}

const ABSOLUTE = /^\//

/** The directory as a shell word inside a PostgreSQL command, where % is written twice. */
function quoteDirectory(directory: string): string {
  if (!ABSOLUTE.test(directory)) throw new RangeError(`"${directory}" is not an absolute path: the server's working directory is its data directory.`)
  return quoteShell(directory.replace(/(?<=.)\/+$/, '')).replaceAll('%', '%%')
}

/**
 * The archive_command to recommend: it stores one finished WAL file in `directory` (absolute, present, writable for the
 * server) so that a crash at any point leaves either nothing, a hidden temporary file, or the whole segment under its name.
 *
 * - New name: copied to `.<name>.<pid>.tmp`, fsynced, renamed, directory synced; the temporary file goes on any failure.
 * - Same name, same content: accepted and synced again, because PostgreSQL repeats a segment after a crash.
 * - Same name, other content: refused with a message in the server's log; the stored file stays as it is.
 * - Every failure exits 1. Above 125 the archiver would stop and start over without counting a failure.
 *
 * It needs sh, cmp, dd (GNU or BusyBox, for conv=fsync), mv, rm, sync. `sync <directory>` is GNU's; elsewhere all is synced.
 */
export const archiveCommand = (directory: string): string =>
  [
    `d=${quoteDirectory(directory)}`,
    'f="$d/%f"',
    't="$d/.%f.$$.tmp"',
    `trap 'rm -f "$t"' 0`,
    'if test -e "$f"; then cmp -s "%p" "$f" || { echo "archive already holds a different %f in $d" >&2; exit 1; }; else { e=$(dd if="%p" of="$t" bs=1048576 conv=fsync 2>&1) && e=$(mv "$t" "$f" 2>&1); } || { echo "cannot store %f in $d: $e" >&2; exit 1; }; fi',
    '{ sync "$f" "$d" 2>/dev/null || sync; } || exit 1',
  ].join('; ')

/** The restore_command for an archive directory of plain segments: exits 1, not fatal to recovery, for a file it does not hold. */
export const restoreCommand = (directory: string): string => `cp ${quoteDirectory(directory)}/%f "%p"`

/** What the server hands to the shell: %p, %f, %r replaced, %% halved, any other % left alone. Source: BuildRestoreCommand. */
export const expandCommand = (command: string, values: { p: string; f: string; r?: string }): string =>
  command.replace(/%([pfr%])/g, (found, letter: string) => (letter === '%' ? '%' : letter === 'p' ? values.p : letter === 'f' ? values.f : (values.r ?? found)))
