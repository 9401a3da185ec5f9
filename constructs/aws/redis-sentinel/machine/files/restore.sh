#!/bin/bash
# Fills an empty set from a backup. See `millrace-redis restore --help`.
source /usr/local/lib/millrace-redis/library.sh

usage() {
  cat <<'HELP'
millrace-redis restore --from latest [--at TIME] [--force]
millrace-redis restore --from s3://BUCKET/PREFIX/rdb|aof/YYYYMMDDTHHMMSSZ [--force]

Fills the set with one backup. Run it on the master (`millrace-redis status` names it):
  1. stop the services that write, and see that all three machines are up
  2. millrace-redis restore --from latest
  3. start the services; the outbox fills in what came after the backup

latest     the newest complete backup, snapshot or append-only file
--at TIME  the newest one that was begun at or before TIME, as 2025-01-31T09:30:00Z
--force    replace what the set holds; without it only an empty set is filled. What the master held
           before stays beside it on the data volume until somebody removes it: redis.before-TIME

The sentinels are kept from choosing another master meanwhile. The replicas then copy the master.
HELP
}

from='' at='' force=no
while (($#)); do
  case $1 in
    --from) from=${2:?--from wants latest or an s3:// address}; shift 2 ;;
    --at) at=$(date -u -d "${2:?--at wants a time}" +%Y%m%dT%H%M%SZ) || fail "--at wants a time like 2025-01-31T09:30:00Z, got $2"; shift 2 ;;
    --force) force=yes; shift ;;
    --help) usage; exit 0 ;;
    *) usage >&2; fail "unknown option $1" ;;
  esac
done
[[ -n $from ]] || { usage >&2; exit 2; }
[[ -z $at || $from == latest ]] || fail '--at goes with --from latest'
load_credentials
exec 9>>"$volume/restore.lock"
flock --wait 5 9 || fail 'another restore runs on this machine'

newest() { complete_backups | awk -v at="${at:-9}" '$1 <= at { found = $2 } END { print found }'; }
[[ $from != latest ]] || from=$(newest)
from=${from%/}
[[ $from == s3://* ]] || fail "no complete backup in s3://$BACKUP_BUCKET/$BACKUP_PREFIX/${at:+ from $at or before}"

[[ $(info replication role) == master ]] || fail "this machine is no master; the master is $(info replication master_host)"
keys=$(ask_redis "$HOST" DBSIZE)
[[ $keys == 0 || $force == yes ]] || fail "the set must be empty, it has $keys keys (--force replaces them)"

# How long a sentinel bears the silence of the master: in milliseconds, the time of the day in seconds, which are weeks. When this script does not say it
# again within ten minutes, it was killed, and watch.sh takes it back on every machine.
down_after() { local host; for host in $HOSTS; do ask_sentinel "$host" SENTINEL SET "$MASTER_NAME" down-after-milliseconds "$1" >/dev/null || say "the sentinel of $host does not answer"; done; }
bear_silence() { down_after "$(date +%s)"; }
finish() {
  rm -rf "$stage"
  if [[ -e $volume/restoring ]]; then end_interrupted_restore; systemctl start millrace-redis.service 9>&- || true; fi
  down_after "$DOWN_AFTER_MS"
}
trap finish EXIT

stage=$volume/redis.restoring
rm -rf "$stage"
# A full volume would stop the server that still runs on it.
bucket=${from#s3://} bucket=${bucket%%/*}
bytes=$(aws s3api list-objects-v2 --bucket "$bucket" --prefix "${from#"s3://$bucket/"}/" --query 'Contents[].[Size]' --output text | awk '{ sum += $1 } END { print sum * 1.1 }')
room=$(df --output=avail --block-size=1 "$volume" | tail -n 1)
awk -v bytes="$bytes" -v room="$room" 'BEGIN { exit !(bytes < room) }' || fail "$from needs $bytes bytes, the volume has $room left"
install -d -m 0700 "$stage"
aws s3 cp --only-show-errors --recursive "$from/" "$stage/"
(cd "$stage" && sha256sum --quiet --check --strict SHA256SUMS) || fail "$from is damaged"
rm "$stage/SHA256SUMS"
install -d -m 0700 "$stage/appendonlydir"
if [[ -e $stage/dump.rdb ]]; then
  # A snapshot is a base file of an append-only file without anything after it.
  mv "$stage/dump.rdb" "$stage/appendonlydir/appendonly.aof.1.base.rdb"
  printf 'file appendonly.aof.1.base.rdb seq 1 type b\n' >"$stage/appendonlydir/appendonly.aof.manifest"
else
  find "$stage" -maxdepth 1 -type f -exec mv -t "$stage/appendonlydir" {} +
fi
chown -R "$owner:$owner" "$stage"

bear_silence
aside=$volume/redis.before-$(date -u +%Y%m%dT%H%M%SZ)
printf '%s\n' "$aside" >"$volume/restoring"
systemctl stop millrace-redis.service
mv "$volume/redis" "$aside"
mv "$stage" "$volume/redis"
bear_silence
systemctl start millrace-redis.service 9>&-
rm "$volume/restoring"
loaded() { bear_silence; [[ $(info persistence loading) == 0 ]]; }
within 3600 loaded || fail "Redis does not load the backup: see /var/log/millrace-redis/redis.log"
# A sentinel that has not heard the master again yet would choose a replica, and one that has copied nothing yet would bring the emptiness back.
copied() { bear_silence; [[ $(ask_redis "$HOST" INFO replication | grep -c 'state=online') -gt 0 ]]; }
within 3600 copied || fail "no replica copies what was restored"
heard() {
  local host
  for host in $HOSTS; do
    ask_sentinel "$host" SENTINEL MASTER "$MASTER_NAME" | tr -d '\r' |
      awk 'name == "last-ok-ping-reply" { heard = $0 < 1500 } { name = $0 } END { exit !heard }' || return 1
  done
}
sleep 2
within 60 heard || say 'not every sentinel hears the master'
say "restored $from: $(ask_redis "$HOST" DBSIZE) keys"
