/** RESTORE.md as it lies beside the backups: restoring with the agent alone, or with age, zstd, tar and PostgreSQL alone. A test runs its commands as they stand here. */

export const restoreByHand = `# Restoring without Howdah's console

Everything here is plain tar, zstd, age and PostgreSQL's own formats. There are two ways back:

- **With Node.js 22.15 or newer**, one command does it all, from a directory or straight from an S3 bucket:
  \`node kit/agent-....mjs recover\` (next chapter).
- **With nothing of Howdah at all**, by a shell, \`tar\`, \`zstd\`, PostgreSQL of the same major version, and for encrypted backups \`age\`:
  all chapters after it.

## The quick way

In the directory of this file, or from anywhere with \`--from DIRECTORY\` or \`--from s3://BUCKET/PREFIX\`:

\`\`\`sh
node kit/agent-*.mjs recover --help
node kit/agent-*.mjs recover --list
node kit/agent-*.mjs recover --set SET --source SOURCE --to latest --destination /restore --key /root/key.txt
\`\`\`

Without options it asks, in the words of amrecover: \`setdisk\`, \`setdate\`, \`add\`, \`lcd\`, \`extract\`.

## What lies where

\`\`\`text
sets/<set>/<source>/images/<image>/image.json                    what the image is; without it the image is not one
sets/<set>/<source>/images/<image>/data-<n>.<number>.tar.zst     its files, one tar stream for each n
sets/<set>/<source>/images/<image>/config-1.<number>.tar.zst     configuration from outside the data directory, where there is any
sets/<set>/<source>/wal/<timeline>/<segment>.zst                 archived WAL
\`\`\`

Level 0 holds the whole data directory. A higher level holds either no files at all, only WAL is added to its base; or changed blocks:
files named \`INCREMENTAL.<file>\` in PostgreSQL 17's own format, and small or new files whole. Such an image is put together with those
it rests on ("baseImageId"), down to level 0.

Files without \`.zst\` were stored uncompressed. What ends in \`.age\` is a file of its own in age format (https://age-encryption.org, on Debian
the package age). image.json names under "encryption" the recipient (\`age1...\`) that an image was encrypted for. Its key file is the
printed kit of that key from Admin > Keys: a file with the line that begins with \`AGE-SECRET-KEY-1\`. \`age-keygen -y key.txt\` prints the
recipient of a key file. Put every key you have into one file: images and WAL may be older than the newest key.

## 1. Say what and where

All commands below are for one bash, as root or as the user that shall run the server. They work on plain, compressed and encrypted
backups alike.

\`\`\`sh
STORE=/path/to/storage                  # the directory of this file
SOURCE="$STORE/sets/<set>/<source>"     # as the folders are named
OUT=/restore                            # a new directory on a file system with room
KEY=/root/key.txt                       # only for encrypted backups: nobody else may read it

set -o pipefail
decrypt() { case "$1" in *.age) age -d -i "$KEY" "$1" ;; *) cat "$1" ;; esac; }
decompress() { case "$1" in *.zst | *.zst.age) zstd -dcq ;; *) cat ;; esac; }
\`\`\`

## 2. Choose an image

The newest one whose \`"endAt"\` lies before the moment you want to return to:

\`\`\`sh
grep -H '"level"\\|"endAt"\\|"serverVersion"' "$SOURCE"/images/*/image.json

IMAGE=<image>                           # the name of its folder
\`\`\`

Those with files that it is put together of, level 0 first:

\`\`\`sh
CHAIN=
next=$IMAGE
while [ -n "$next" ]; do
  if ls "$SOURCE/images/$next"/data-* > /dev/null 2>&1; then CHAIN="$next $CHAIN"; fi
  next=$(sed -n 's/^  "baseImageId": "\\(.*\\)",$/\\1/p' "$SOURCE/images/$next/image.json")
done
NEWEST=\${CHAIN% }
NEWEST=\${NEWEST##* }
echo "$CHAIN"
\`\`\`

## 3. Unpack each into a folder of its own

\`\`\`sh
mkdir -p "$OUT/images"
for id in $CHAIN; do
  mkdir -m 0700 "$OUT/images/$id"
  for n in $(ls "$SOURCE/images/$id" | sed -n 's/^data-\\([0-9]*\\)\\..*/\\1/p' | sort -un); do
    set -- "$SOURCE/images/$id"/data-$n.*
    for volume; do decrypt "$volume"; done | decompress "$1" | tar xpf - -C "$OUT/images/$id" || echo "FAILED: stripe $n of image $id"
  done
done
\`\`\`

## 4. Make one data directory of them

If it is one image:

\`\`\`sh
mv "$OUT/images/$NEWEST" "$OUT/data"
\`\`\`

If there are several, and PostgreSQL is 17 or newer:

\`\`\`sh
set --
for id in $CHAIN; do set -- "$@" "$OUT/images/$id"; done
pg_combinebackup -o "$OUT/data" "$@"
\`\`\`

If there are several, and PostgreSQL is older (needs Node.js 22.15 or newer):

\`\`\`sh
set --
for id in $CHAIN; do set -- "$@" "$OUT/images/$id"; done
node "$(ls -t "$STORE"/kit/agent-*.mjs | head -n 1)" combine "$OUT/data" "$@"
\`\`\`

Then the folders of the images may go:

\`\`\`sh
rm -r "$OUT/images"
\`\`\`

## 5. Tablespaces

They were unpacked below pg_tblspc/. This moves them to $OUT/tablespaces and tells the server; change the path where they shall lie
elsewhere:

\`\`\`sh
if [ -f "$OUT/data/tablespace_map" ]; then
  mkdir -m 0700 "$OUT/tablespaces"
  while read -r oid path; do
    mv "$OUT/data/pg_tblspc/$oid" "$OUT/tablespaces/$oid"
    ln -s "$OUT/tablespaces/$oid" "$OUT/data/pg_tblspc/$oid"
    echo "$oid $OUT/tablespaces/$oid"
  done < "$OUT/data/tablespace_map" > "$OUT/tablespace_map"
  mv "$OUT/tablespace_map" "$OUT/data/tablespace_map"
fi
\`\`\`

## 6. Unpack the WAL that follows

\`\`\`sh
FIRST=$(sed -n 's/^    "first": "\\(.*\\)",$/\\1/p' "$SOURCE/images/$NEWEST/image.json")
mkdir -m 0700 "$OUT/archive"
for file in "$SOURCE"/wal/*/*; do
  name=\${file##*/}
  name=\${name%.age}
  name=\${name%.zst}
  case "$name" in
    *.history) ;;
    *) if [[ "$name" < "$FIRST" ]]; then continue; fi ;;
  esac
  decrypt "$file" | decompress "$file" > "$OUT/archive/$name" || echo "FAILED: $file"
done
\`\`\`

## 7. Tell PostgreSQL to replay it

PostgreSQL 12 and newer:

\`\`\`sh
touch "$OUT/data/recovery.signal"
cat >> "$OUT/data/postgresql.auto.conf" <<END
restore_command = 'cp "$OUT/archive/%f" "%p"'
recovery_target_timeline = 'latest'
recovery_target_action = 'promote'
archive_mode = off
END
\`\`\`

\`archive_mode = off\` keeps the copy from archiving over the original's WAL. Remove that line when the copy takes over. To stop at a moment
instead of at the end of the WAL:

\`\`\`sh
echo "recovery_target_time = '2026-03-12 08:00:00+00'" >> "$OUT/data/postgresql.auto.conf"
\`\`\`

Where postgresql.conf lay outside of the data directory (Debian keeps it in /etc/postgresql), this brings it and pg_hba.conf:

\`\`\`sh
if [ ! -f "$OUT/data/postgresql.conf" ]; then
  mkdir -m 0700 "$OUT/config"
  set -- "$SOURCE/images/$NEWEST"/config-1.*
  for volume; do decrypt "$volume"; done | decompress "$1" | tar xpf - -C "$OUT/config"
  CONF=$(find "$OUT/config" -name postgresql.conf | head -n 1)
  sed -E 's/^[[:space:]]*(data_directory|config_file|hba_file|ident_file|external_pid_file|include)/#\\1/' "$CONF" > "$OUT/data/postgresql.conf"
  cp "\${CONF%/*}/pg_hba.conf" "\${CONF%/*}/pg_ident.conf" "$OUT/data/"
fi
\`\`\`

## 8. Start it

\`\`\`sh
chown -R postgres: "$OUT"
chmod 0700 "$OUT/data"
runuser -u postgres -- pg_ctl -D "$OUT/data" -l "$OUT/log" -o '-p 5433' -w -t 3600 start
\`\`\`

\`$OUT/log\` says how far it is and when it has opened. Set \`port\` and \`listen_addresses\` in postgresql.conf before it replaces the original.

## Proving a copy

Each image carries PostgreSQL's own backup_manifest. After chapter 4 and before the first start this holds every file against it:

\`\`\`sh
pg_verifybackup --no-parse-wal "$OUT/data"
\`\`\`

Each volume's sha256 is in image.json: \`sha256sum\` must agree.
`
