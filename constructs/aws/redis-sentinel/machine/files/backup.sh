#!/bin/bash
# backup.sh rdb|aof: one backup of the set, sent to S3 by one replica, by the master when there is none. The manifest goes last: a backup without one
# is none. Old ones are ended by the bucket's lifecycle; this machine may not delete there.
source /usr/local/lib/millrace-redis/library.sh
load_credentials
kind=$1
[[ $kind == rdb || $kind == aof ]] || fail "backup.sh rdb or aof, got $kind"
data=$volume/redis
started=$(date -u +%Y%m%dT%H%M%SZ)
target=s3://$BACKUP_BUCKET/$BACKUP_PREFIX/$kind/$started
exec 9>>"$volume/backup-$kind.lock"
flock --nonblock 9 || fail "another $kind backup runs on this machine"
# Beside the server's folder, where a restore finds nothing of it. One that was killed may have left files, which would fill the volume.
work=$volume/backup-$kind
rm -rf "$work"
finish() {
  rm -rf "$work"
  [[ $kind != aof ]] || allow_rewrites
}

# The server may put links wherever it may write, to what only root may read. So everything is read and written as the server's user.
as_owner() { setpriv --reuid "$owner" --regid "$owner" --clear-groups --no-new-privs -- "$@" 9>&-; }

# The first machine of the list that is a replica in touch; all of them ask the same master, so all of them name the same one.
taker() {
  local master role host
  master=$(ask_sentinel "$HOST" SENTINEL GET-MASTER-ADDR-BY-NAME "$MASTER_NAME" | head -n 1)
  role=$(ask_redis "$master" ROLE)
  for host in $HOSTS; do
    if grep -qx "$host" <(tail -n +3 <<<"$role"); then echo "$host"; return; fi
  done
  echo "$master"
}

idle() { [[ $(info persistence rdb_bgsave_in_progress) == 0 && $(info persistence aof_rewrite_in_progress) == 0 && $(info persistence aof_rewrite_scheduled) == 0 ]]; }

take_rdb() {
  local before
  before=$(info persistence rdb_saves)
  # Another one may begin between the question and the order.
  begun() { idle && ask_redis "$HOST" BGSAVE >/dev/null; }
  within 3600 begun || fail 'no snapshot could be begun'
  saved() { [[ $(info persistence rdb_saves) -gt $before ]] && idle; }
  within 3600 saved || fail 'the snapshot was not written'
  [[ $(info persistence rdb_last_bgsave_status) == ok ]] || fail 'the snapshot failed'
  as_owner ln "$data/dump.rdb" "$work/dump.rdb"
}

# While no rewrite may begin, the manifest's files only grow: hard links keep them, and a length makes a point in time of the one that grows.
# See https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/#backing-up-aof-persistence
take_aof() {
  if [[ ! -d $data/appendonlydir ]]; then say 'a cache appends to no file: there is nothing to keep'; exit 0; fi
  ask_redis "$HOST" CONFIG SET auto-aof-rewrite-percentage 0 >/dev/null
  within 3600 idle || fail 'the append-only file is being rewritten'
  local file name
  for file in "$data"/appendonlydir/*; do
    name=${file##*/}
    case $name in
      temp-*) ;;
      *.incr.aof) as_owner bash -ec 'ln "$1" "$2.link"; head -c "$(stat -c %s "$2.link")" "$2.link" >"$2"; rm "$2.link"' - "$file" "$work/$name" ;;
      *.manifest) as_owner cp "$file" "$work/$name" ;;
      *) as_owner ln "$file" "$work/$name" ;;
    esac
  done
  allow_rewrites
  # A replica that copies its master anew begins anew with its files.
  as_owner bash -ec 'cd "$1"; while read -r _ name _; do [[ -f $name ]]; done <appendonly.aof.manifest' - "$work" || fail 'the files changed meanwhile'
}

send() {
  local size
  size=$(as_owner stat -L -c %s "$work/$1")
  as_owner cat "$work/$1" | aws s3 cp --only-show-errors --expected-size "$size" - "$target/$1"
}

chosen=$(taker)
[[ -n $chosen ]] || fail "nobody knows the master: no $kind backup"
if [[ $chosen != "$HOST" ]]; then say "the $kind backup is taken by $chosen"; exit 0; fi
trap finish EXIT
install -d -m 0700 -o "$owner" -g "$owner" "$work"
"take_$kind"
as_owner bash -ec 'cd "$1"; sums=$(sha256sum -- *); printf "%s\n" "$sums" >SHA256SUMS' - "$work"
names=$(as_owner ls "$work")
for name in $names; do [[ $name == SHA256SUMS ]] || send "$name"; done
send SHA256SUMS
rm -f "$backups_seen"
say "sent $target, $(as_owner du -sb "$work" | cut -f1) bytes"
