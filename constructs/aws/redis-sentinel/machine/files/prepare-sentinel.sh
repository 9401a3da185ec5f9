#!/bin/bash
# Before every start of Sentinel: its configuration, with what it remembers of elections.
source /usr/local/lib/millrace-redis/library.sh
load_credentials
source "$library/master.sh"

# The same at every start and on every machine, so that the others recognise a sentinel that comes back without its volume.
id_of() { printf '%s:%s:%s' "$MASTER_NAME" "$1" "$SENTINEL_PORT" | sha256sum | cut -c1-40; }
ids=() number=0
for host in $HOSTS; do ids+=("ID_$number=$(id_of "$host")"); number=$((number + 1)); done

remembered=$(grep -E '^sentinel (config|leader|current)-epoch ' "$conf" 2>/dev/null || true)
{
  fill "$templates/sentinel.conf" "${ids[@]}" "MASTER_HOST=$MASTER_HOST" \
    "REPLICATION_USER=$(quoted "$REPLICATION_USER")" "REPLICATION_PASSWORD=$(quoted "$REPLICATION_PASSWORD")" \
    "SENTINEL_PASSWORD=$(quoted "$SENTINEL_PASSWORD")" |
    awk -v master="$MASTER_HOST" '!($2 == "known-replica" && $4 == master)'
  printf '%s\n' "$remembered"
} | install_text "$conf"

# A sentinel that finds the master silent from the start would begin with a fail-over.
answers() { [[ $(ask_redis "$MASTER_HOST" PING) == PONG ]]; }
within 60 answers || say "the master $MASTER_HOST does not answer yet"
say "starts Sentinel; the master is $MASTER_HOST"
