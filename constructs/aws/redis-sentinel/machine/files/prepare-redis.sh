#!/bin/bash
# Before every start of Redis: its configuration, as a replica of whoever is the master now.
source /usr/local/lib/millrace-redis/library.sh
load_credentials
source "$library/master.sh"

# The others would copy the emptiness of a master that has lost its data. While another machine runs that has some, or may have, this one waits
# until the sentinels have chosen that.
others_have_data() {
  local host
  for host in $HOSTS; do
    if [[ $host == "$HOST" ]] || ! opinion_of "$host" >/dev/null; then continue; fi
    [[ $(ask_redis "$host" DBSIZE) == 0 ]] || return 0
  done
  return 1
}
if [[ $MASTER_HOST == "$HOST" && -z $(ls -A "$volume/redis") && ! -e $runtime/start-empty ]] && others_have_data; then
  fail "this machine is the master and has no data; waits until another is chosen (touch $runtime/start-empty makes it start all the same)"
fi

hash_of() { printf %s "$1" | sha256sum | cut -d' ' -f1; }
source "$library/users.sh"

own_master() { if [[ $MASTER_HOST == "$HOST" ]]; then grep -v '^replicaof '; else cat; fi; }
fill "$templates/redis.conf" \
  "MASTER_HOST=$MASTER_HOST" "REPLICATION_USER=$(quoted "$REPLICATION_USER")" "REPLICATION_PASSWORD=$(quoted "$REPLICATION_PASSWORD")" |
  own_master | install_text "$runtime/redis.conf"
say "starts Redis; the master is $MASTER_HOST"
