# What every script here shares. Sourced, not run.
set -euo pipefail
umask 077

source /etc/millrace-redis/settings.env

library=/usr/local/lib/millrace-redis
templates=/etc/millrace-redis
runtime=/run/millrace-redis
# What root alone reads. Folders of the server are the server's to change, so nothing that root runs or trusts lies there.
sealed=/run/millrace-redis-sealed
volume=/var/lib/millrace-redis
owner=millrace-redis
device=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${DATA_VOLUME_ID//-/}
# What the bucket had when it was last asked.
backups_seen=$volume/backups-seen
export AWS_DEFAULT_REGION=$REGION AWS_PAGER=

say() { printf '%s %s\n' "$(date -u +%FT%TZ)" "$*" >&2; }
fail() { say "$*"; exit 1; }

# within SECONDS COMMAND...: again and again until it succeeds, less and less often.
within() {
  local end=$((SECONDS + $1)) pauses=(0.2 0.5 1 2 3) round=0; shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep "${pauses[round < 4 ? round : 4]}"
    round=$((round + 1))
  done
}

# Of a JSON secret, or the whole one without a key. The role and the value may come some time after the machine.
read_secret() { aws secretsmanager get-secret-value --secret-id "$1" --query SecretString --output text 2>/dev/null; }
await_secret() { within 900 read_secret "$1" || fail "secret $1 cannot be read: look at the instance's role, the secret's value and the network"; }

load_credentials() { source "$sealed/credentials"; }

# The program's own client; the password travels in the environment, where no list of processes shows it.
ask_redis() {
  local host=$1; shift
  REDISCLI_AUTH=$REPLICATION_PASSWORD timeout "${ASK_SECONDS:-5}" \
    "$library/client" --tls --cacert "$runtime/tls/ca.pem" --user "$REPLICATION_USER" -h "$host" -p "$REDIS_PORT" --no-auth-warning -e "$@" 2>/dev/null
}
ask_sentinel() {
  local host=$1; shift
  REDISCLI_AUTH=$SENTINEL_PASSWORD timeout "${ASK_SECONDS:-2}" \
    "$library/client" --tls --cacert "$runtime/tls/ca.pem" -h "$host" -p "$SENTINEL_PORT" --no-auth-warning -e "$@" 2>"${ERRORS_TO:-/dev/null}"
}

info() { ask_redis "$HOST" INFO "$1" | tr -d '\r' | sed -n "s/^$2://p"; }

# Complete backups, oldest first: TIME and address.
complete_backups() {
  aws --cli-connect-timeout 5 --cli-read-timeout 15 s3api list-objects-v2 --bucket "$BACKUP_BUCKET" --prefix "$BACKUP_PREFIX/" \
    --query "Contents[?ends_with(Key, '/SHA256SUMS')].Key" --output text | tr '\t' '\n' |
    sed -n "s|^\(.*/\([0-9TZ]*\)\)/SHA256SUMS\$|\2 s3://$BACKUP_BUCKET/\1|p" | sort
}

# As redis.conf has it, where nothing else is said.
allow_rewrites() { ask_redis "$HOST" CONFIG SET auto-aof-rewrite-percentage 100 >/dev/null; }

grow_volume() { resize2fs "$device" >/dev/null 2>&1 || say "volume $DATA_VOLUME_ID could not be grown"; }

# A restore that did not come to its end has put the set's folder aside; its name stands in the file.
end_interrupted_restore() {
  [[ -s $volume/restoring ]] || return 0
  say 'a restore was interrupted'
  [[ -d $volume/redis ]] || mv "$(<"$volume/restoring")" "$volume/redis"
  rm "$volume/restoring"
}

# A value within double quotes, as redis.conf reads it.
quoted() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# fill TEMPLATE NAME=VALUE...: puts the value in place of each @NAME@.
fill() {
  local text pair
  text=$(<"$1"); shift
  for pair in "$@"; do text=${text//"@${pair%%=*}@"/"${pair#*=}"}; done
  printf '%s\n' "$text"
}

# install_text PATH: standard input as a file of the server's user, whole or not at all. In a folder of the server a link may lie in wait.
install_text() {
  rm -f "$1.new"
  (set -o noclobber && cat >"$1.new")
  chown --no-dereference "$owner:$owner" "$1.new"
  mv -f "$1.new" "$1"
}
