#!/bin/bash
# backup.sh rdb|aof: one backup of the set, sent to S3 by one replica, by the master when there is none. The manifest goes last: a backup without one
# is none. Old ones are ended by the bucket's lifecycle; this machine may not delete there.
source /usr/local/lib/millrace-redis/library.sh
load_credentials
kind=$1
data=$volume/redis
started=$(date -u +%Y%m%dT%H%M%SZ)
target=s3://$BACKUP_BUCKET/$BACKUP_PREFIX/$kind/$started
work=$(mktemp -d "$data/backup.XXXXXX")
restore_rewrite=''
finish() {
  rm -rf "$work"
  [[ -z $restore_rewrite ]] || ask_redis "$HOST" CONFIG SET auto-aof-rewrite-percentage "$restore_rewrite" >/dev/null
}
trap finish EXIT

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
  within 3600 idle
  local before
  before=$(info persistence rdb_saves)
  ask_redis "$HOST" BGSAVE >/dev/null
  saved() { [[ $(info persistence rdb_saves) -gt $before ]] && idle; }
  within 3600 saved || fail 'the snapshot was not written'
  [[ $(info persistence rdb_last_bgsave_status) == ok ]] || fail 'the snapshot failed'
  ln "$data/dump.rdb" "$work/dump.rdb"
}

# While no rewrite may begin, the manifest's files only grow: hard links keep them, and a length makes a point in time of the one that grows.
# See https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/#backing-up-aof-persistence
take_aof() {
  if [[ ! -d $data/appendonlydir ]]; then say 'a cache appends to no file: there is nothing to keep'; exit 0; fi
  restore_rewrite=$(ask_redis "$HOST" CONFIG GET auto-aof-rewrite-percentage | tail -n 1)
  ask_redis "$HOST" CONFIG SET auto-aof-rewrite-percentage 0 >/dev/null
  within 3600 idle || fail 'the append-only file is being rewritten'
  local file name
  for file in "$data"/appendonlydir/*; do
    name=${file##*/}
    case $name in
      temp-*) ;;
      *.incr.aof) ln "$file" "$work/link"; head -c "$(stat -c %s "$work/link")" "$work/link" >"$work/$name"; rm "$work/link" ;;
      *.manifest) cp "$file" "$work/$name" ;;
      *) ln "$file" "$work/$name" ;;
    esac
  done
  ask_redis "$HOST" CONFIG SET auto-aof-rewrite-percentage "$restore_rewrite" >/dev/null
  restore_rewrite=''
}

chosen=$(taker)
if [[ $chosen != "$HOST" ]]; then say "the $kind backup is taken by $chosen"; exit 0; fi
case $kind in
  rdb) take_rdb ;;
  aof) take_aof ;;
  *) fail "backup.sh rdb or aof, got $kind" ;;
esac
(cd "$work" && sha256sum -- * >"$volume/redis/manifest.new" && mv "$volume/redis/manifest.new" SHA256SUMS)
for file in "$work"/*; do
  [[ $file == */SHA256SUMS ]] || aws s3 cp --only-show-errors "$file" "$target/${file##*/}"
done
aws s3 cp --only-show-errors "$work/SHA256SUMS" "$target/SHA256SUMS"
say "sent $target, $(du -sb "$work" | cut -f1) bytes"
