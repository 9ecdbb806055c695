/** RESTORE.md as it lies beside the backups: restoring with zstd, tar and PostgreSQL alone. */

export const restoreByHand = `# Restoring without Howdah

Everything here is plain tar, zstd and PostgreSQL's own formats. You need a shell, \`tar\`, \`zstd\` and PostgreSQL of the
same major version. Nothing of Howdah is needed.

## What lies where

    sets/<set>/<source>/images/<image>/image.json                    what the image is; without it the image is not one
    sets/<set>/<source>/images/<image>/data-<n>.<number>.tar.zst     the data directory, one tar stream for each n
    sets/<set>/<source>/images/<image>/config-1.<number>.tar.zst     configuration from outside the data directory, where there is any
    sets/<set>/<source>/wal/<timeline>/<segment>.zst                 archived WAL

Files without \`.zst\` were stored uncompressed: leave \`zstd -dc\` out for them.

## 1. Choose an image

Take an image.json with \`"level": 0\` whose \`"endAt"\` lies before the moment you want to return to:

    grep -H '"level"\\|"endAt"\\|"major"' sets/*/*/images/*/image.json

Images of level 1 and more hold no files of their own: they say which WAL belongs to them, and the WAL is all in wal/.

## 2. Unpack it

    IMAGE=/path/to/sets/<set>/<source>/images/<image>
    mkdir -m 0700 /restore/data && cd /restore/data
    for n in $(ls "$IMAGE" | sed -n 's/^data-\\([0-9]*\\)\\..*/\\1/p' | sort -un); do
      cat "$IMAGE"/data-$n.*.tar.zst | zstd -dc | tar xpf -
    done

A tablespace is unpacked as a directory below pg_tblspc/ and used from there: remove the file tablespace_map. To place it
elsewhere, move the directory, put a symbolic link to it in its place, and keep tablespace_map with the new path.

## 3. Let PostgreSQL fetch WAL

    cat > /restore/fetch-wal <<'END'
    #!/bin/sh
    # usage: fetch-wal <file> <target>; exits 1 when the archive does not have the file
    W=/path/to/sets/<set>/<source>/wal/$(printf %.8s "$1")
    if [ -f "$W/$1.zst" ]; then zstd -dcq "$W/$1.zst" > "$2.part" && mv "$2.part" "$2"
    elif [ -f "$W/$1" ]; then cp "$W/$1" "$2"
    else exit 1; fi
    END
    chmod 755 /restore/fetch-wal

PostgreSQL 12 and newer:

    touch /restore/data/recovery.signal
    cat >> /restore/data/postgresql.auto.conf <<'END'
    restore_command = '/restore/fetch-wal %f "%p"'
    recovery_target_timeline = 'latest'
    # recovery_target_time = '2026-03-12 08:00:00+00'   (only to stop at a moment)
    recovery_target_action = 'promote'
    archive_mode = off
    END

\`archive_mode = off\` keeps the copy from archiving over the original's WAL. Remove that line when the copy takes over.

## 4. Start it

    chown -R postgres: /restore && chmod 0700 /restore/data
    sudo -u postgres pg_ctl -D /restore/data -l /restore/log start

If postgresql.conf is missing (Debian keeps it in /etc/postgresql), unpack the config-1 volumes and copy it in, or make an empty
one. Set \`port\` and \`listen_addresses\` so that the copy does not meet the original.

## Proving a copy

Each image carries PostgreSQL's own backup_manifest: \`pg_verifybackup -n -e recovery.signal /restore/data\` (before the first
start, and with -i for files you changed). Each volume's sha256 is in image.json: \`sha256sum\` must agree.
`
