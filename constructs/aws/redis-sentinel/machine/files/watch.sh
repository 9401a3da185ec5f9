#!/bin/bash
# Once a minute: ends what a job that was killed has left behind, and lets the file system follow its volume.
source /usr/local/lib/millrace-redis/library.sh
load_credentials

exec 9>>"$volume/restore.lock"
if flock --nonblock 9; then
  rm -rf "$volume/redis.restoring"
  if [[ -e $volume/restoring ]]; then
    end_interrupted_restore
    systemctl start millrace-redis.service 9>&-
  fi
fi
exec 9>&-

# What a restore makes the sentinels wait is the time at which it said so. Any other silence than the declared one is ended as well.
waits=$(ask_sentinel "$HOST" SENTINEL MASTER "$MASTER_NAME" | tr -d '\r' | sed -n '/^down-after-milliseconds$/{n;p}') || waits=''
if [[ $waits =~ ^[0-9]+$ && $waits != "$DOWN_AFTER_MS" ]]; then
  age=$(($(date +%s) - waits))
  if ((age > 600 || age < -600)); then
    ask_sentinel "$HOST" SENTINEL SET "$MASTER_NAME" down-after-milliseconds "$DOWN_AFTER_MS" >/dev/null
    say "the sentinel waited $waits ms for a silent master: now $DOWN_AFTER_MS again"
  fi
fi

if flock --nonblock "$volume/backup-aof.lock" true && [[ $(ask_redis "$HOST" CONFIG GET auto-aof-rewrite-percentage | tail -n 1) == 0 ]]; then
  allow_rewrites
  say 'the append-only file may be rewritten again'
fi

grow_volume
